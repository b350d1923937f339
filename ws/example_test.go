// What package ws looks like in use.

package ws_test

import (
	"fmt"

	"github.com/lurcher-net/lurcher/ws"
)

// Frames need no connection: bytes go in as they come, and pieces of messages come
// out.
func ExampleParser() {
	var p ws.Parser
	input := ws.AppendMaskedFrame(nil, ws.Text, []byte("Hello"), 0x3d21fa37)
	input = ws.AppendMaskedFrame(input, ws.Ping, nil, 0x3d21fa37)
	for _, in := range [][]byte{input[:8], input[8:]} { // in whatever pieces
		for len(in) > 0 {
			piece, n, err := p.Parse(in)
			if err != nil {
				fmt.Println(err)
				return
			}
			in = in[n:]
			if piece.Op != 0 {
				fmt.Printf("%v %q, the last piece: %v\n", piece.Op, piece.Data, piece.Last())
			}
		}
	}
	// Output:
	// text "He", the last piece: false
	// text "llo", the last piece: true
	// ping "", the last piece: true
}
