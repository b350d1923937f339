// Package fuzz keeps HTTP/1.x servers and parsers honest. It makes messages, well formed and not,
// and knows what each of them means.
//
// To fuzz a server of your own, let the engine choose, and ask that one reading of the bytes that
// were sent explains every answer that came back:
//
//	func FuzzMyServer(f *testing.F) {
//		addr := startMyServer(f)
//		f.Add([]byte("eight bytes are a seed, and each one more is a choice"))
//		f.Fuzz(func(t *testing.T, choices []byte) {
//			g := fuzz.FromBytes(choices)
//			wire, _ := g.Pipeline(3)
//			wire, how := g.Mutate(wire)
//			received, err := fuzz.Exchange("tcp", addr, g.Split(wire), 5*time.Second)
//			if err == nil {
//				err = fuzz.Explain(wire, received, nil)
//			}
//			if err != nil {
//				t.Fatalf("%s: %v\n%q\n%q", how, err, wire, received)
//			}
//		})
//	}
//
// and run it with go test -fuzz FuzzMyServer. [New] takes a seed in place of bytes, for a soak that
// runs without the engine.
//
// A parser of your own is tested without sockets: [Gen.Request] and [Gen.Response] give the bytes of
// a message with its one reading beside them, a [Message]; [Gen.Mutate] makes the mistakes and plays
// the tricks that have broken parsers before; [Gen.Split] and [Splits] cut bytes as networks do; and
// what a mutant means, [ReadRequest] and [ReadResponse] say. These are the reference parser: slow,
// plain, without limits, each function a rule of RFC 9112's grammar, each refusal with the section
// that demands it.
//
// # How strict
//
// The reference parser takes RFC 9112 without the leniency that the RFC allows to recipients: no
// bare LF, no obs-fold, one Content-Length, no Content-Length beside Transfer-Encoding, chunked as
// the only coding. A server that is more lenient on purpose will be told so by [Explain].
package fuzz
