// Package sockets holds the server of this module to account over real sockets: beside net/http with
// the same bytes, and under a hostile client. It has nothing but tests, which show how package fuzz
// is used on a server; they are apart from it so that it does without one.
package sockets
