// Transport: a room's events, by whatever gets through.
//
// WebSocket is tried first, then server-sent events, then long polls. A transport
// that fails before it has brought anything is followed by the next; after a while
// on a lower one the first is tried again. ?transport=websocket, events or poll in
// the page's address forces one, for tests. What the server refuses for good, a room
// whose name it does not take, say, is found out by a poll, which alone can read why.
//
// new Transport(room, name, {events, state}).open(): events(list) gets each array of
// events once; state(text, connected) what there is to show. say(text) returns a
// promise of the message's id. Each message has a key, so one that is sent again,
// because its acknowledgement was lost, is stored once.
"use strict";

class Transport {
	static order = ["websocket", "events", "poll"];
	static climb = 60_000; // how long a lower transport is used before the first is tried again
	static later = 1500;   // how long a message waits that the server could not take now

	constructor(room, name, on) {
		this.room = room;
		this.name = name;
		this.on = on;
		this.id = "";            // of the last message
		this.token = key();
		this.forced = new URLSearchParams(location.search).get("transport");
		this.level = 0;
		this.failures = 0;
		this.waiting = new Map(); // by key: messages that are not acknowledged
		this.closed = false;
		addEventListener("online", this.awake = () => this.hurry());
		addEventListener("offline", this.asleep = () => this.lost(this.run));
	}

	get kind() { return this.forced || Transport.order[this.level]; }

	query() {
		return new URLSearchParams({room: this.room, name: this.name, id: this.id, token: this.token, key: this.agent || ""});
	}

	open() {
		clearTimeout(this.timer);
		if (this.closed) return;
		const run = this.run = {kind: this.kind, brought: false};
		this.on.state("connecting by " + run.kind, false);
		this[run.kind](run);
		if (this.level > 0) run.climb = setTimeout(() => { this.level = 0; this.drop(run); this.open(); }, Transport.climb);
	}

	close() {
		this.closed = true;
		removeEventListener("online", this.awake);
		removeEventListener("offline", this.asleep);
		clearTimeout(this.timer);
		this.drop(this.run);
		for (const key of this.waiting.keys()) this.settle(key, null, "the room was left");
	}

	// rest ends the connection until open is called: the browser may keep a page that was
	// left, with its connections, so that Back finds it.
	rest() {
		clearTimeout(this.timer);
		this.drop(this.run);
	}

	drop(run) {
		if (!run) return;
		run.over = true;
		clearTimeout(run.climb);
		if (run.end) run.end();
	}

	// lost is the end of a run that was not asked for: try again, later each time.
	// why is the server's word for it, if there is one.
	lost(run, why) {
		if (!run || run.over) return;
		this.drop(run);
		if (this.closed) return;
		if (!run.brought && navigator.onLine && !this.forced) this.level = (this.level + 1) % Transport.order.length;
		this.failures = run.brought ? 0 : this.failures + 1;
		const wait = Math.min(500 * 2 ** this.failures, 15_000) * (0.5 + Math.random());
		this.on.state(!navigator.onLine ? "offline" : (why || "connection lost") + ", trying again", false);
		this.timer = setTimeout(() => this.open(), wait);
	}

	// refused ends it: to try again would be in vain.
	refused(run, why) {
		if (run.over) return;
		for (const key of this.waiting.keys()) this.settle(key, null, why);
		this.close();
		this.on.state("not connected: " + why, false);
	}

	hurry() {
		if (this.closed) return;
		if (!this.run || this.run.over) { this.failures = 0; this.open(); }
	}

	// got takes an array of events, and drops messages that were seen already.
	got(run, list) {
		if (run.over) return;
		const first = !run.brought;
		if (first) {
			run.brought = true;
			this.failures = 0;
			this.on.state("connected by " + run.kind, true);
		}
		const fresh = [];
		for (const e of list) {
			if (e.ack !== undefined) this.settle(e.ack, e.id);
			else if (e.nak !== undefined) this.denied(e);
			else if (e.end !== undefined) run.why = e.end;
			else if (e.id === undefined) fresh.push(e);
			else if (later(e.id, this.id)) { this.id = e.id; fresh.push(e); }
			if (e.key) this.settle(e.key, e.id); // if it is ours, it was stored
		}
		if (first) for (const m of this.waiting.values()) this.send(m);
		if (fresh.length) this.on.events(fresh);
	}

	websocket(run) {
		const s = run.socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws?" + this.query());
		run.end = () => s.close();
		s.onmessage = m => this.got(run, JSON.parse(m.data));
		s.onerror = () => this.lost(run, run.why);
		s.onclose = e => {
			// What was sent breaks a rule, and would again.
			if ([1003, 1007, 1008, 1009].includes(e.code))
				for (const key of this.waiting.keys()) this.settle(key, null, e.reason || "too long");
			this.lost(run, e.reason);
		};
	}

	events(run) {
		const s = new EventSource("/events?" + this.query());
		run.end = () => s.close();
		s.onmessage = m => this.got(run, JSON.parse(m.data));
		s.onerror = () => this.lost(run, run.why); // it would come back by itself, with the id of the first time
	}

	async poll(run) {
		const abort = new AbortController();
		run.end = () => abort.abort();
		try {
			while (!run.over) {
				const answer = await fetch("/wait?" + this.query(), {signal: abort.signal, cache: "no-store"});
				const said = await answer.json();
				if (answer.ok) this.got(run, said);
				else if (answer.status < 500 && answer.status !== 429) this.refused(run, said.error);
				else this.lost(run, said.error);
			}
		} catch {
			this.lost(run);
		}
	}

	say(text) {
		return new Promise((resolve, reject) => {
			const m = {key: key(), text, resolve, reject};
			this.waiting.set(m.key, m);
			this.send(m);
		});
	}

	send(m) {
		const run = this.run;
		if (!run || run.over || !run.brought) return; // it goes out once connected
		if (run.socket) {
			run.socket.send(JSON.stringify({text: m.text, key: m.key, speaker: this.agent || ""}));
			return;
		}
		fetch("/send", {
			method: "POST", headers: {"Content-Type": "application/json"},
			body: JSON.stringify({room: this.room, name: this.name, text: m.text, key: m.key, speaker: this.agent || ""}),
		}).then(async answer => {
			const a = await answer.json().catch(() => ({error: answer.statusText}));
			if (answer.ok) this.settle(m.key, a.id);
			else this.denied({nak: m.key, error: a.error, again: answer.status === 429 || answer.status >= 500});
		}).catch(() => this.denied({nak: m.key, again: true}));
	}

	// denied is the answer to a message that was not stored: it is sent again if that
	// may help.
	denied({nak, error, again}) {
		const m = this.waiting.get(nak);
		if (m && again) setTimeout(() => { if (this.waiting.has(nak)) this.send(m); }, Transport.later * (0.5 + Math.random()));
		else this.settle(nak, null, error);
	}

	settle(key, id, error) {
		const m = this.waiting.get(key);
		if (!m) return;
		this.waiting.delete(key);
		if (id) m.resolve(id);
		else m.reject(new Error(error));
	}
}

function key() {
	return Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, "0")).join("");
}

// later reports whether message a came after b; of another epoch, always.
function later(a, b) {
	const [ea, na] = a.split("-"), [eb, nb] = b.split("-");
	return ea !== eb || Number(na) > Number(nb);
}
