// Socket.IO: a server library as it is, asked by the official client, by long polling,
// by WebSocket, and by the one that becomes the other. Messages are short of 100 KB,
// and pings rare: with those this server library loses messages under long polling,
// on net/http's server too.

package compat

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/zishang520/socket.io/v2/socket"
)

func TestSocketIO(t *testing.T) {
	t.Parallel()
	prog, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node")
	}
	if _, err := os.Stat("node/node_modules/socket.io-client"); err != nil {
		t.Skip("the npm package socket.io-client is not installed: npm ci in compat/node")
	}
	o := socket.DefaultServerOptions()
	o.SetServeClient(false)
	io := socket.NewServer(nil, o)
	t.Cleanup(func() { io.Close(nil) })
	io.On("connection", func(clients ...any) {
		c := clients[0].(*socket.Socket)
		c.On("echo", func(args ...any) {
			if ack, ok := args[len(args)-1].(socket.Ack); ok {
				args = args[:len(args)-1]
				ack(args, nil)
			}
			c.Emit("echoed", args...)
		})
		c.On("all", func(args ...any) { io.Emit("news", args...) })
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io.ServeHandler(nil))
	plain, _, _ := serveBoth(t, mux)
	for _, transports := range []string{"polling", "websocket", "polling,websocket"} {
		t.Run(transports, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(prog, "node/socketio.mjs", "http://"+plain, transports)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "ok") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
