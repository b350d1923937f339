// Package compat holds tests only: well-known http.Handlers of others, run as
// they are by nethttp.Handler. It is a module of its own so that what they need is
// not needed by who uses the library.
package compat
