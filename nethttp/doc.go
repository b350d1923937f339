// Package nethttp is the world of net/http on lurcher: [Handler] makes any
// http.Handler a handler of package server, [Mux] routes to handlers of both kinds by
// net/http's patterns, [Transport] asks by package client for all
// who have an http.Transport now.
//
// A program of native handlers does not import it, and does not link net/http.
package nethttp
