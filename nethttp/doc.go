// Package nethttp joins lurcher and net/http. [Handler] turns any http.Handler into a
// handler of package server. [Mux] routes to handlers of both kinds by net/http's
// patterns. [HTTP2] makes net/http serve the clients that choose HTTP/2. [Transport]
// is an http.RoundTripper over package client, in place of an http.Transport.
//
// A program that has only native handlers need not import it, and then does not link
// net/http.
package nethttp
