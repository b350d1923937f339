// The page as a stranger uses it: keys, directions of text, names, the browser's own
// buttons, what has not been read.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// enter presses Enter as a keyboard does: chromedp's SendKeys sends the character also
// if the page has dealt with the key, which a browser does not, and leaves a line break
// in the field.
func (p *tab) enter(modifiers int64) {
	p.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{"rawKeyDown", "char", "keyUp"} {
		call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: kind, Key: "Enter", Code: "Enter", Text: "\r", UnmodifiedText: "\r", WindowsVirtualKeyCode: 13, Modifiers: modifiers,
		})
	}
}

const shift = 8

func (p *tab) field() string {
	p.t.Helper()
	return eval[string](p, `document.getElementById("text").value`)
}

// Enter sends, and leaves nothing; with Shift it is a new line, for which the field
// grows.
func TestEnterSends(t *testing.T) {
	t.Parallel()
	ann := visit(t, browser(t), start(t, "-addr", "127.0.0.1:0").base, "ann", "r", "")
	ann.connected("websocket")
	one := eval[int](ann, `document.getElementById("text").offsetHeight`)
	ann.run(chromedp.SendKeys(chromedp.CSS("#text"), "first"))
	ann.enter(shift)
	ann.run(chromedp.SendKeys(chromedp.CSS("#text"), "second"))
	if got := ann.field(); got != "first\nsecond" {
		t.Errorf("with Shift the field has %q", got)
	}
	if two := eval[int](ann, `document.getElementById("text").offsetHeight`); two <= one {
		t.Errorf("two lines are %d high, one was %d", two, one)
	}
	ann.enter(0)
	ann.hears("first\nsecond")
	if got := ann.field(); got != "" {
		t.Errorf("after Enter the field has %q", got)
	}
	if again := eval[int](ann, `document.getElementById("text").offsetHeight`); again != one {
		t.Errorf("the empty field is %d high, not %d", again, one)
	}
}

// Without a mouse: into a room, a message, another room, and back to the first.
func TestByKeyboard(t *testing.T) {
	t.Parallel()
	ctx, cancel := chromedp.NewContext(browser(t), chromedp.WithNewBrowserContext())
	defer cancel()
	ann := &tab{t, ctx}
	ann.run(chromedp.Navigate(start(t, "-addr", "127.0.0.1:0").base + "/"))
	keys := func(text string) { ann.run(chromedp.KeyEvent(text)) }
	ann.until(`document.activeElement.id === "name"`)
	keys("ann")
	ann.enter(0)
	ann.connected("websocket")
	ann.until(`document.activeElement.id === "text"`)
	keys("hello")
	ann.enter(0)
	ann.hears("hello")
	focus := func(id string) {
		for range 12 {
			if eval[string](ann, `document.activeElement.id`) == id {
				return
			}
			call(ann, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "rawKeyDown", Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9, Modifiers: shift})
		}
		t.Fatalf("Tab does not lead to %s", id)
	}
	focus("other")
	keys("second")
	ann.enter(0)
	ann.until(`document.getElementById("title").textContent === "second"`)
	focus("other")
	for range 3 { // the rooms are in front of it
		call(ann, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "rawKeyDown", Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9, Modifiers: shift})
		if eval[bool](ann, `document.activeElement.textContent.startsWith("lobby")`) {
			break
		}
	}
	ann.enter(0)
	ann.until(`document.getElementById("title").textContent === "lobby"`)
	ann.hears("hello")
}

// What somebody writes in the other direction, or with characters that turn text,
// stays within its own element; what is long stays within the window.
func TestOtherPeoplesText(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0")
	long := strings.Repeat("w", 2000)
	for i, m := range [][2]string{
		{"محمد", "مرحبا بالعالم 123"}, {"evil", "a \u202eturned text"}, {"👩\u200d👧", "🏳️\u200d🌈"}, {strings.Repeat("n", 64), long}, {"ben", "<b>no markup</b> &amp;"},
	} {
		if _, err := p.say("r", m[0], m[1], fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.say("r", "exe\u202egnp", "who", "x"); err != nil {
		t.Fatal(err)
	}
	ann := visit(t, browser(t), p.base, "ann", "r", "")
	ann.hears("who")
	for _, width := range []int64{320, 1100} {
		call(ann, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 600, DeviceScaleFactor: 1})
		ann.until(`innerWidth === %d`, width)
		// In each message the name begins left of the text's end, and the time is last.
		if bad := eval[string](ann, `[...document.querySelectorAll("#messages li")].filter(li => {
			const first = e => e.getClientRects()[0], last = e => [...e.getClientRects()].at(-1);
			const b = first(li.querySelector("b")), time = last(li.querySelector("time")), box = li.getBoundingClientRect();
			return b.left > box.left + 20 || time.right > box.right || time.bottom < last(li.querySelector("span")).bottom - 8;
		}).map(li => li.textContent).join("; ")`); bad != "" {
			t.Errorf("at %d pixels these are out of order: %s", width, bad)
		}
		if w := eval[int](ann, `document.documentElement.scrollWidth`); w > int(width) {
			t.Errorf("the page is %d pixels wide in a window of %d", w, width)
		}
	}
	if name := eval[string](ann, `[...document.querySelectorAll("#messages b")].at(-1).textContent`); name != "exegnp" {
		t.Errorf("a name that turns the text is shown as %q", name)
	}
}

// Back leads to the room before, a reload comes back to the same, and a page that is
// left lets its visitor go.
func TestBrowsersButtons(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0")
	ann := visit(t, browser(t), p.base, "ann", "one", "")
	ann.connected("websocket")
	eval[bool](ann, `enter("two"), true`)
	ann.connected("websocket")
	eval[bool](ann, `history.back(), true`)
	ann.until(`document.getElementById("title").textContent === "one"`)
	eval[bool](ann, `history.forward(), true`)
	ann.until(`document.getElementById("title").textContent === "two"`)
	ann.run(chromedp.Reload())
	ann.until(`document.getElementById("title").textContent === "two" && location.search.includes("room=two")`)
	ann.connected("websocket")
	ann.run(chromedp.Navigate("about:blank"))
	p.until("the visitor is gone", func() bool { return p.metric(`cast_visitors{name="sockets"}`) == 0 })
	eval[bool](ann, `setTimeout(() => history.back(), 0), true`) // chromedp.NavigateBack waits for a load event, and there is none
	p.until("the visitor is back", func() bool { return p.metric(`cast_visitors{name="sockets"}`) > 0 })
}

// Unread messages are those that came to another room meanwhile: no history, none of
// one's own.
func TestUnread(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0", "-rate", "1000", "-burst", "1000")
	say := func(room, name, text string) {
		if _, err := p.say(room, name, text, text); err != nil {
			t.Fatal(err)
		}
	}
	say("one", "ben", "old")
	b := browser(t)
	ann := visit(t, b, p.base, "ann", "one", "")
	ann.hears("old")
	eval[bool](ann, `enter("two"), true`)
	ann.connected("websocket")
	say("one", "ann", "by another tab of mine")
	say("one", "ben", "new")
	ann.until(`document.title === "(1) cast" && document.querySelector("#rooms .unread").textContent === "1"`)
	eval[bool](ann, `go(open("one")), true`)
	ann.hears("new")
	ann.until(`document.title === "cast" && document.querySelector("#rooms .unread").hidden`)
	// One who reads what was said before is not torn away from it.
	for i := range 60 {
		say("one", "ben", fmt.Sprint("line ", i))
	}
	ann.hears("line 59")
	eval[bool](ann, `document.getElementById("messages").scrollTop = 0, true`)
	ann.until(`!following`)
	say("one", "ben", "last")
	ann.until(`!document.getElementById("below").hidden && document.getElementById("messages").scrollTop === 0`)
	eval[bool](ann, `document.getElementById("below").click(), true`)
	ann.until(`atEnd() && document.getElementById("below").hidden`)
}

// What the server refuses is said, and not tried for ever; what is sent too fast is sent
// later.
func TestRefusals(t *testing.T) {
	t.Parallel()
	p := start(t, "-addr", "127.0.0.1:0", "-max-name", "40", "-max-text", "100", "-rate", "2", "-burst", "2")
	b := browser(t)
	bad := visit(t, b, p.base, strings.Repeat("n", 50), "r", "")
	bad.until(`document.getElementById("state").textContent === "not connected: that is no nickname"`)
	for _, transport := range []string{"websocket", "poll"} {
		ann := visit(t, b, p.base, "ann", "r "+transport, transport)
		ann.connected(transport)
		for _, text := range []string{strings.Repeat("x", 101), strings.Repeat("y", 1900)} {
			eval[bool](ann, `current.say(%q), true`, text)
			ann.until(`[...document.querySelectorAll("#messages li.failed")].some(e => e.textContent.includes(%q))`, text)
		}
		ann.connected(transport)
		for i := range 4 {
			eval[bool](ann, `current.say("quick %d"), true`, i)
		}
		for i := range 4 {
			ann.hears(fmt.Sprint("quick ", i))
		}
		eval[bool](ann, `document.querySelector("#messages li.failed button").click(), true`)
		ann.until(`document.getElementById("text").value.startsWith("xx") && document.querySelectorAll("#messages li.failed").length === 1`)
	}
}

// Two are led together, see each other's name, and hear when the other has left.
func TestPairOnThePage(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "rooms.json")
	if err := os.WriteFile(config, []byte(`{"meet": {"mode": "random"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-addr", "127.0.0.1:0", "-config", config)
	b := browser(t)
	ann := visit(t, b, p.base, "ann", "meet", "")
	ann.until(`document.querySelector("#messages li.note")?.textContent.startsWith("Nobody is free")`)
	ben := visit(t, b, p.base, "ben", "meet", "poll")
	ann.until(`document.getElementById("title").textContent === "meet: ben"`)
	ben.until(`document.getElementById("title").textContent === "meet: ann"`)
	ben.say("hello")
	ann.hears("hello")
	ann.run(chromedp.Navigate("about:blank"))
	ben.until(`document.querySelector("#messages li.note")?.textContent === "The other has left."`)
}
