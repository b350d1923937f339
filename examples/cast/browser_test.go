// Browsers: the page in headless Chromium, as people use it.

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// browser starts Chromium; without one the test is skipped, but where LURCHER_INTEROP
// says that nothing may be missing.
func browser(t *testing.T) context.Context {
	t.Helper()
	bin := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			bin = path
			break
		}
	}
	if bin == "" {
		if os.Getenv("LURCHER_INTEROP") == "1" {
			t.Fatal("there is no Chromium, and LURCHER_INTEROP=1")
		}
		t.Skip("there is no Chromium (Debian: chromium)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.WindowSize(1100, 700),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// A tab is a page of somebody.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// visit opens the page for somebody, in a profile of its own.
func visit(t *testing.T, b context.Context, base, name, room, transport string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	q := url.Values{"name": {name}, "room": {room}}
	if transport != "" {
		q.Set("transport", transport)
	}
	p := &tab{t, ctx}
	p.run(chromedp.Navigate(base + "/?" + q.Encode()))
	return p
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("body")))
		p.t.Fatalf("%v; the page says\n%s", err, text)
	}
}

// eval returns the value of an expression of JavaScript.
func eval[T any](p *tab, format string, args ...any) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](fmt.Sprintf(format, args...)))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *tab, cmd cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, cmd, params); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for an expression of JavaScript to be true.
func (p *tab) until(format string, args ...any) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool](fmt.Sprintf(format, args...),
		chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("body")))
		p.t.Fatalf("%v while waiting for "+format+"; the page says\n%s", append(append([]any{err}, args...), text)...)
	}
}

func (p *tab) connected(by string) {
	p.t.Helper()
	p.until(`document.getElementById("state").textContent === %q`, "connected by "+by)
}

func (p *tab) say(text string) {
	p.t.Helper()
	p.run(chromedp.SendKeys(chromedp.CSS("#text"), text+"\r"))
}

// hears waits until a message is shown, and checks that it is shown once.
func (p *tab) hears(text string) {
	p.t.Helper()
	count := fmt.Sprintf(`[...document.querySelectorAll("#messages li:not(.waiting) > span")].filter(e => e.textContent === %q).length`, text)
	p.until("%s > 0", count)
	if n := eval[int](p, "%s", count); n != 1 {
		p.t.Errorf("%q is shown %d times", text, n)
	}
}

// picture keeps a screenshot, if CAST_PICTURES names a directory.
func (p *tab) picture(name string) {
	p.t.Helper()
	dir := os.Getenv("CAST_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func TestTwoPagesChat(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0")
	b := browser(t)
	for _, transport := range []string{"", "events", "poll"} {
		by := transport
		if by == "" {
			by = "websocket"
		}
		room := "room " + by
		ann, ben := visit(t, b, p.base, "ann", room, transport), visit(t, b, p.base, "ben", room, "")
		ann.connected(by)
		ben.connected("websocket")
		ann.say("hello, this is ann")
		ben.hears("hello, this is ann")
		ben.say("<img src=x onerror=alert(1)> & 'quotes'")
		ann.hears("<img src=x onerror=alert(1)> & 'quotes'")
		ann.hears("hello, this is ann")
		ben.until(`document.getElementById("count").textContent === "2"`)
		ann.until(`document.querySelectorAll("#messages li.waiting").length === 0`)
		ann.picture("chat-" + by)
		late := visit(t, b, p.base, "cleo", room, transport)
		late.hears("hello, this is ann") // history
	}
}

// The server is killed and comes back: what was said meanwhile by others, or
// could not be sent, is there, once.
func TestPageSurvivesTheServer(t *testing.T) {
	t.Parallel()
	addr, dir := port(t), t.TempDir()
	p := start(t, "-addr", addr, "-data", dir)
	b := browser(t)
	for _, transport := range []string{"websocket", "events", "poll"} {
		ann := visit(t, b, p.base, "ann", "r", transport)
		ann.connected(transport)
		ann.say("before " + transport)
		ann.hears("before " + transport)
		p.kill()
		ann.until(`document.getElementById("state").className === "off"`)
		ann.say("while it is away " + transport)
		p = start(t, "-addr", addr, "-data", dir)
		if _, err := p.say("r", "ben", "after "+transport, "k"+transport); err != nil {
			t.Fatal(err)
		}
		ann.hears("after " + transport)
		ann.hears("while it is away " + transport)
		ann.hears("before " + transport)
	}
}

func TestOfflineAndOnline(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0")
	ann := visit(t, browser(t), p.base, "ann", "r", "poll") // Chromium's switch does not cut WebSockets
	ann.connected("poll")
	call(ann, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: true})
	ann.until(`document.getElementById("state").className === "off"`)
	if _, err := p.say("r", "ben", "are you there?", "k"); err != nil {
		t.Fatal(err)
	}
	ann.say("I was away")
	call(ann, network.OverrideNetworkState, network.OverrideNetworkStateParams{DownloadThroughput: -1, UploadThroughput: -1})
	ann.hears("are you there?")
	ann.hears("I was away")
}

// Without WebSocket the page finds another way by itself, and comes back to WebSocket
// once that goes through.
func TestFallsBackAndClimbs(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0")
	ctx, cancel := chromedp.NewContext(browser(t), chromedp.WithNewBrowserContext())
	defer cancel()
	ann := &tab{t, ctx}
	call(ann, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		var realSocket = window.WebSocket, realSource = window.EventSource;
		window.WebSocket = window.EventSource = class { constructor() { setTimeout(() => this.onerror(), 0); } close() {} };
	`})
	ann.run(chromedp.Navigate(p.base + "/?name=ann&room=r"))
	ann.connected("poll")
	ann.say("by polls")
	ann.hears("by polls")
	// From now on both go through, and the page need not wait a minute to find out.
	eval[bool](ann, `window.WebSocket = realSocket, window.EventSource = realSource, Transport.climb = 100, current.transport.lost(current.transport.run), true`)
	ann.connected("websocket")
	ann.say("by a socket")
	ann.hears("by a socket")
	ann.hears("by polls")
}

func TestOnAPhone(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0")
	b := browser(t)
	ann := visit(t, b, p.base, "ann", "r", "")
	call(ann, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 640, DeviceScaleFactor: 1, Mobile: true})
	call(ann, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	ann.connected("websocket")
	ann.say("a long message without end, which has to be broken: " + "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww")
	ann.until(`document.querySelectorAll("#messages li").length > 0`)
	ann.until(`document.documentElement.scrollWidth <= 360 && document.getElementById("say").getBoundingClientRect().bottom <= 640`)
	ann.picture("phone-dark")
}
