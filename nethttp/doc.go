// Package nethttp is the world of net/http on lurcher: [Handler] makes any
// http.Handler a handler of package server.
//
// A server of native handlers does not import it, and does not link net/http.
package nethttp
