module github.com/lurcher-net/lurcher/examples

go 1.26

require (
	github.com/cloudflare/tableflip v1.2.3
	github.com/coreos/go-systemd/v22 v22.7.0
	github.com/lurcher-net/lurcher v0.0.0
)

require (
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/lurcher-net/lurcher => ../
