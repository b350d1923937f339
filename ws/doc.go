// Package ws is WebSocket (RFC 6455).
package ws
