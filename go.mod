module github.com/lurcher-net/lurcher

go 1.26

require (
	github.com/google/gofuzz v1.2.0
	github.com/valyala/bytebufferpool v1.0.0
	golang.org/x/sys v0.47.0
)
