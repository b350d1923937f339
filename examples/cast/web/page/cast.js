// The page: rooms, messages, who is here. Everything that people wrote is put into
// the page as text, never as HTML.
"use strict";

const $ = id => document.getElementById(id);
const rooms = new Map();
const asked = new URLSearchParams(location.search);
const most = 2000; // messages of a room that the page shows
let name = "", current = null;

function make(tag, text, cls) {
	const e = document.createElement(tag);
	if (text !== undefined) e.textContent = text;
	if (cls) e.className = cls;
	return e;
}

// written is an element with what somebody wrote: in the direction of its own.
function written(tag, text) {
	const e = make(tag, text);
	e.dir = "auto";
	return e;
}

class Room {
	constructor(title, lobby) {
		this.title = title;
		this.lobby = lobby; // that led here, if this is a room for two
		this.list = [];     // elements of messages
		this.unread = 0;
		this.day = "";      // of the last message
		this.who = {count: 0, names: []};
		this.state = ["connecting", false];
		this.button = make("button");
		this.button.type = "button";
		this.label = written("bdi", title);
		this.badge = make("span", "", "unread");
		this.badge.hidden = true;
		this.button.append(this.label, this.badge);
		this.button.onclick = () => go(this);
		const item = make("li");
		item.append(this.button);
		$("rooms").append(item);
		this.transport = new Transport(title, name, {
			events: list => this.take(list),
			state: (text, on) => { this.state = [text, on]; if (this === current) showState(this); },
		});
		this.transport.agent = asked.get("key") || "";
		this.transport.open();
	}

	// caption is the title as it is shown: that of a room for two is only a number.
	get caption() {
		if (!this.lobby) return this.title;
		const others = this.who.names.filter(n => n !== name);
		return this.lobby + (others.length ? ": " + others.join(", ") : "");
	}

	leave() {
		this.transport.close();
		this.button.parentElement.remove();
		rooms.delete(this.title);
		showTotal();
	}

	// take gets events. Messages of the first time are history, which is not unread.
	take(list) {
		const history = !this.entered;
		this.entered = true;
		for (const e of list) {
			if (e.text !== undefined) this.message(e, history);
			else if (e.who) this.crowd(e.who);
			else if (e.wait) this.note("Nobody is free yet. Stay, you are next.");
			else if (e.lost) this.note("Some messages before these are not kept any more.");
			else if (e.note) this.note(e.note);
			else if (e.move) { this.move(e.move); return; }
		}
	}

	// move leads from a lobby to the room for two that was found.
	move(to) {
		const here = this === current;
		this.leave();
		const room = open(to, this.title);
		if (here) show(room, true);
	}

	crowd(who) {
		const had = this.who.count;
		this.who = who;
		if (this.lobby && had > 1 && who.count === 1) this.note("The other has left.");
		this.label.textContent = this.caption;
		if (this === current) showWho(this);
	}

	message(e, history) {
		const at = new Date(e.at), day = at.toDateString();
		if (day !== this.day && (this.day || day !== new Date().toDateString()))
			this.put(make("li", at.toLocaleDateString([], {weekday: "short", day: "numeric", month: "short", year: "numeric"}), "day"));
		this.day = day;
		const mine = e.from === name;
		const li = make("li", undefined, mine ? "mine" : "");
		li.dataset.id = e.id;
		const time = make("time", at.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"}));
		time.dateTime = at.toISOString();
		li.append(written("b", e.from), written("span", e.text), time);
		this.put(li);
		if ((this !== current || document.hidden) && !mine && !history) {
			this.unread++;
			showUnread(this);
		}
	}

	note(text) { this.put(make("li", text, "note")); }

	// put adds a message in front of those of ours that are still on their way.
	put(li) {
		const at = this.list.findIndex(e => e.classList.contains("waiting"));
		if (at < 0 || li.classList.contains("waiting")) this.list.push(li);
		else this.list.splice(at, 0, li);
		if (this.list.length > most) this.list.shift().remove();
		if (this === current) showMessage(this, li);
	}

	async say(text) {
		const li = make("li", undefined, "mine waiting");
		li.append(written("b", name), written("span", text));
		this.put(li);
		try {
			await this.transport.say(text);
			this.drop(li); // it comes from the server, in its place
		} catch (err) {
			li.className = "failed";
			const again = make("button", "Edit", "plain");
			again.type = "button";
			again.onclick = () => { this.drop(li); $("text").value = text; fit(); $("text").focus(); };
			li.append(make("time", "not sent: " + err.message), again);
		}
	}

	drop(li) {
		this.list = this.list.filter(e => e !== li);
		li.remove();
	}
}

// atEnd reports whether the last message can be seen.
function atEnd() {
	const box = $("messages");
	return box.scrollHeight - box.scrollTop - box.clientHeight < 80;
}

let following = true; // the reader is at the end, and stays there

function toEnd() {
	$("messages").scrollTop = $("messages").scrollHeight;
	following = true;
	$("below").hidden = true;
}

function showMessage(room, li) {
	const next = room.list[room.list.indexOf(li) + 1];
	$("messages").insertBefore(li, next || null);
	if (following || li.classList.contains("waiting")) toEnd();
	else $("below").hidden = false;
}

function showState(room) {
	$("state").textContent = room.state[0];
	$("state").className = room.state[1] ? "" : "off";
}

function showWho(room) {
	$("title").textContent = room.caption;
	$("count").textContent = room.who.count || "";
	$("who").replaceChildren(...(room.who.names || []).map(n => written("li", n)));
}

function showUnread(room) {
	room.badge.textContent = room.unread > 99 ? "99+" : room.unread;
	room.badge.hidden = room.unread === 0;
	room.badge.setAttribute("aria-label", room.unread + " unread");
	showTotal();
}

function showTotal() {
	const all = [...rooms.values()].reduce((n, r) => n + r.unread, 0);
	document.title = all ? `(${all}) cast` : "cast";
}

// open returns a room, which is entered if it is not there yet.
function open(title, lobby) {
	if (!rooms.has(title)) rooms.set(title, new Room(title, lobby));
	return rooms.get(title);
}

// show has a room fill the page. The address names it, so that a reload and the
// browser's Back find it; replace says that Back does not lead to the one before.
function show(room, replace) {
	current?.button.removeAttribute("aria-current");
	current = room;
	room.button.setAttribute("aria-current", "true");
	room.button.scrollIntoView({block: "nearest", inline: "nearest"});
	room.unread = 0;
	showUnread(room);
	$("messages").replaceChildren(...room.list);
	toEnd();
	showWho(room);
	showState(room);
	$("leave").hidden = rooms.size < 2;
	const at = new URLSearchParams(location.search);
	if (at.get("room") !== room.title || !history.state) {
		at.set("room", room.title);
		history[replace || !history.state ? "replaceState" : "pushState"]({room: room.title, lobby: room.lobby}, "", "?" + at);
	}
	if (!matchMedia("(pointer: coarse)").matches) $("text").focus(); // a phone would open its keyboard
}

function go(room) { if (room !== current) show(room); }

// bytes is the length of a text as the server counts it.
function bytes(s) { return new TextEncoder().encode(s).length; }

// complaint is what is wrong with a name; the server says the same.
function complaint(s, what) {
	if (!s) return `A ${what}, please.`;
	return bytes(s) > 64 ? `That ${what} is too long.` : "";
}

function enter(title, lobby) {
	title = title.trim();
	if (!complaint(title, "room")) go(open(title, lobby));
}

$("door").onsubmit = e => {
	e.preventDefault();
	name = $("name").value.trim();
	const room = $("room").value.trim();
	$("complaint").textContent = complaint(name, "nickname") || complaint(room, "room");
	if ($("complaint").textContent) return;
	try {
		localStorage.setItem("name", name);   // of the next visit
		sessionStorage.setItem("name", name); // of this tab: a reload enters again
	} catch {}
	$("door").hidden = true;
	$("place").hidden = false;
	enter(room, history.state?.lobby);
};

$("more").onsubmit = e => {
	e.preventDefault();
	const wrong = complaint($("other").value.trim(), "room");
	$("other").setCustomValidity(wrong);
	if (wrong) { $("other").reportValidity(); return; }
	enter($("other").value);
	$("other").value = "";
};
$("other").oninput = () => $("other").setCustomValidity("");

$("leave").onclick = () => {
	if (rooms.size < 2) return;
	const room = current;
	show([...rooms.values()].findLast(r => r !== room), true);
	room.leave();
	$("leave").hidden = rooms.size < 2;
};

// fit gives the field as many lines as its text has, up to a bound that the style sets.
function fit() {
	const t = $("text"), end = following;
	t.style.height = "auto";
	t.style.height = t.scrollHeight + t.offsetHeight - t.clientHeight + "px";
	if (end) toEnd();
}

function send() {
	const text = $("text").value.trim();
	if (!text || !current) return;
	$("text").value = "";
	fit();
	current.say(text);
}

$("say").onsubmit = e => { e.preventDefault(); send(); };
$("text").oninput = fit;
$("text").onkeydown = e => {
	// 229 is the Enter that ends a composition in Safari.
	if (e.key === "Enter" && !e.shiftKey && !e.isComposing && e.keyCode !== 229) { e.preventDefault(); send(); }
};
$("messages").onscroll = () => {
	following = atEnd();
	if (following) $("below").hidden = true;
};
$("below").onclick = () => { toEnd(); $("text").focus(); };
// A keyboard that opens, or a phone that is turned, keeps a reader at the end there.
new ResizeObserver(() => { if (following) toEnd(); }).observe($("messages"));
document.onvisibilitychange = () => {
	if (!document.hidden && current) { current.unread = 0; showUnread(current); }
};
onpagehide = () => rooms.forEach(r => r.transport.rest());
onpageshow = e => { if (e.persisted) rooms.forEach(r => r.transport.open()); };
onpopstate = e => {
	if (!name) return;
	const room = e.state?.room;
	if (room) show(open(room, e.state.lobby), true);
};

try { $("name").value = localStorage.getItem("name") || ""; } catch {}
if (asked.get("room")) $("room").value = asked.get("room");
let known = asked.get("name");
try { known ||= asked.get("room") && sessionStorage.getItem("name"); } catch {}
if (known) {
	$("name").value = known;
	$("door").requestSubmit();
}
