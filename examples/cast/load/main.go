// Load visits cast with many clients, by all transports, says a number of
// messages, and checks that each client gets each message of its room, once and in
// order, whatever happens to connections and nodes meanwhile.
//
//	go run ./cast/load -urls http://127.0.0.1:8080 -clients 10000 -messages 1000 -rate 100
//
// cast has to be started with a -rate that lets one sender say all that, and for more than
// a thousand who poll with a -max-polls-each. It prints how long messages took from being
// sent to being received, draws that with -svg, and ends with 1 if a message was missed or
// came twice.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	var t test
	urls := flag.String("urls", "http://127.0.0.1:8080", "nodes, with commas; clients are dealt among them")
	mix := flag.String("mix", "websocket=60,events=20,poll=20", "transports and their shares")
	senders := flag.String("senders", "", "nodes to send to, with commas; empty: those of -urls")
	flag.StringVar(&t.tag, "tag", fmt.Sprintf("load%x", rand.Uint64()), "beginning of the rooms' names")
	flag.IntVar(&t.clients, "clients", 1000, "visitors")
	flag.IntVar(&t.rooms, "rooms", 10, "that they are dealt among")
	flag.IntVar(&t.messages, "messages", 1000, "to be said in all rooms together")
	flag.Float64Var(&t.rate, "rate", 100, "messages a second")
	flag.IntVar(&t.size, "size", 128, "bytes of a message's text, at least")
	flag.IntVar(&t.loops, "loops", runtime.GOMAXPROCS(0), "event loops of the clients")
	flag.DurationVar(&t.patience, "patience", time.Minute, "for the last message to arrive, and for all clients to be connected")
	asJSON := flag.Bool("json", false, "print the result as JSON")
	svg := flag.String("svg", "", "file for a chart of the latencies")
	flag.Parse()
	t.urls = strings.Split(*urls, ",")
	t.senders = t.urls
	if *senders != "" {
		t.senders = strings.Split(*senders, ",")
	}
	var err error
	if t.mix, err = shares(*mix); err != nil {
		log.Fatal(err)
	}
	t.progress = func(line string) { fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line) }
	result, err := t.run()
	fmt.Fprintln(os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	if *asJSON {
		json.NewEncoder(os.Stdout).Encode(result)
	} else {
		fmt.Print(result)
	}
	if *svg != "" {
		if err := os.WriteFile(*svg, chart(result, &t), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	if result.Missed+result.Twice+result.Unordered > 0 {
		os.Exit(1)
	}
}

// shares reads the mix: a list of transports as long as a hundred clients.
func shares(s string) (mix []string, err error) {
	for part := range strings.SplitSeq(s, ",") {
		name, share, _ := strings.Cut(part, "=")
		var n int
		if _, err := fmt.Sscan(share, &n); err != nil || n < 0 {
			return nil, fmt.Errorf("-mix: %q is not transport=share", part)
		}
		if name != "websocket" && name != "events" && name != "poll" {
			return nil, fmt.Errorf("-mix: the transports are websocket, events and poll, not %q", name)
		}
		for range n {
			mix = append(mix, name)
		}
	}
	if len(mix) == 0 {
		return nil, fmt.Errorf("-mix is empty")
	}
	return mix, nil
}
