// The page: rooms, messages, who is here. Everything that people wrote is put into
// the page as text, never as HTML.
"use strict";

const $ = id => document.getElementById(id);
const rooms = new Map();
let name = "", current = null;

function make(tag, text, cls) {
	const e = document.createElement(tag);
	if (text !== undefined) e.textContent = text;
	if (cls) e.className = cls;
	return e;
}

class Room {
	constructor(title) {
		this.title = title;
		this.list = []; // elements of messages
		this.unread = 0;
		this.who = {count: 0, names: []};
		this.state = ["connecting", false];
		this.button = make("button", title);
		this.button.type = "button";
		this.badge = make("span", "", "unread");
		this.badge.hidden = true;
		this.button.append(this.badge);
		this.button.onclick = () => show(this);
		const item = make("li");
		item.append(this.button);
		$("rooms").append(item);
		this.transport = new Transport(title, name, {
			events: list => this.take(list),
			state: (text, on) => { this.state = [text, on]; if (this === current) showState(this); },
		});
		this.transport.agent = new URLSearchParams(location.search).get("key") || "";
		this.transport.open();
	}

	leave() {
		this.transport.close();
		this.button.parentElement.remove();
		rooms.delete(this.title);
	}

	take(list) {
		for (const e of list) {
			if (e.text !== undefined) this.message(e);
			else if (e.who) { this.who = e.who; if (this === current) showWho(this); }
			else if (e.wait) this.note("Nobody is free yet. Stay, you are next.");
			else if (e.lost) this.note("Older messages are not kept any more.");
			else if (e.note) this.note(e.note);
			else if (e.move) { enter(e.move); this.leave(); return; }
		}
	}

	message(e) {
		const mine = e.from === name;
		const li = make("li", undefined, mine ? "mine" : "");
		li.dataset.id = e.id;
		const at = make("time", new Date(e.at).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"}));
		at.dateTime = new Date(e.at).toISOString();
		li.append(make("b", e.from), make("span", e.text), at);
		this.put(li);
		if (this !== current || document.hidden) {
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
		if (this.list.length > 2000) this.list.shift().remove();
		if (this === current) showMessage(this, li);
	}

	async say(text) {
		const li = make("li", undefined, "mine waiting");
		li.append(make("b", name), make("span", text));
		this.put(li);
		try {
			await this.transport.say(text);
			this.drop(li); // it comes from the server, in its place
		} catch (err) {
			li.className = "failed";
			li.append(make("time", "not sent: " + err.message));
		}
	}

	drop(li) {
		this.list = this.list.filter(e => e !== li);
		li.remove();
	}
}

function showMessage(room, li) {
	const box = $("messages"), next = room.list[room.list.indexOf(li) + 1];
	const low = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
	box.insertBefore(li, next || null);
	if (low) box.scrollTop = box.scrollHeight;
}

function showState(room) {
	$("state").textContent = room.state[0];
	$("state").className = room.state[1] ? "" : "off";
}

function showWho(room) {
	$("count").textContent = room.who.count || "";
	$("who").replaceChildren(...(room.who.names || []).map(n => make("li", n)));
}

function showUnread(room) {
	room.badge.textContent = room.unread;
	room.badge.hidden = room.unread === 0;
	room.badge.setAttribute("aria-label", room.unread + " unread");
	const all = [...rooms.values()].reduce((n, r) => n + r.unread, 0);
	document.title = all ? `(${all}) cast` : "cast";
}

function show(room) {
	current?.button.removeAttribute("aria-current");
	current = room;
	room.button.setAttribute("aria-current", "true");
	room.unread = 0;
	showUnread(room);
	$("title").textContent = room.title;
	$("messages").replaceChildren(...room.list);
	$("messages").scrollTop = $("messages").scrollHeight;
	showWho(room);
	showState(room);
	$("text").focus();
}

function enter(title) {
	title = title.trim();
	if (!title) return;
	if (!rooms.has(title)) rooms.set(title, new Room(title));
	show(rooms.get(title));
}

$("door").onsubmit = e => {
	e.preventDefault();
	name = $("name").value.trim();
	if (!name) { $("complaint").textContent = "A nickname, please."; return; }
	try { localStorage.setItem("name", name); } catch {}
	$("door").hidden = true;
	$("place").hidden = false;
	enter($("room").value);
};

$("more").onsubmit = e => {
	e.preventDefault();
	enter($("other").value);
	$("other").value = "";
};

function send() {
	const text = $("text").value.trim();
	if (!text || !current) return;
	$("text").value = "";
	current.say(text);
}

$("say").onsubmit = e => { e.preventDefault(); send(); };
$("text").onkeydown = e => {
	if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send(); }
};
document.onvisibilitychange = () => {
	if (!document.hidden && current) { current.unread = 0; showUnread(current); }
};

try { $("name").value = localStorage.getItem("name") || ""; } catch {}
const asked = new URLSearchParams(location.search);
if (asked.get("room")) $("room").value = asked.get("room");
if (asked.get("name")) {
	$("name").value = asked.get("name");
	$("door").requestSubmit();
}
