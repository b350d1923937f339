// Package nethttp is the world of net/http on lurcher: [Handler] makes any
// http.Handler a handler of package server, [Transport] asks by package client for all
// who have an http.Transport now.
//
// A program of native handlers does not import it, and does not link net/http.
package nethttp
