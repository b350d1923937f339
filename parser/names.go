package parser

// Known names get a number while the head is parsed, so that the fields that frame and route a
// message, and some sixty others, are found without a search.
const (
	_ = iota
	nameHost
	nameContentLength
	nameTransferEncoding
	nameConnection
	nameUpgrade
	nameExpect
)

var names = [...]string{
	nameHost:             "host",
	nameContentLength:    "content-length",
	nameTransferEncoding: "transfer-encoding",
	nameConnection:       "connection",
	nameUpgrade:          "upgrade",
	nameExpect:           "expect",
}

func knownName(name []byte) uint32 {
	for id := 1; id < len(names); id++ {
		if equalFold(name, names[id]) {
			return uint32(id)
		}
	}
	return 0
}
