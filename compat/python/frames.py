"""wsproto reads frames: for each line of hex on stdin, with "c" before what a client reads and "s" before what
a server reads, it prints the messages and control frames as opcode:hex, and the close code where it fails."""
import enum, sys
from wsproto import frame_protocol
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

# IANA has a code that wsproto 1.2 has not.
frame_protocol.CloseReason = enum.IntEnum("Codes", {**frame_protocol.CloseReason.__members__, "BAD_GATEWAY": 1014})


def read(side, wire):
    p = FrameProtocol(client=side == "c", extensions=[])
    p.receive_bytes(wire)
    events, message = [], b""
    try:
        for f in p.received_frames():
            if f.opcode is Opcode.CLOSE:
                code, reason = f.payload
                payload = b"" if code == 1005 else int(code).to_bytes(2, "big") + reason.encode()
                events.append(f"8:{payload.hex()}")
            elif f.opcode.iscontrol():
                events.append(f"{int(f.opcode)}:{bytes(f.payload).hex()}")
            else:
                message += f.payload.encode() if isinstance(f.payload, str) else bytes(f.payload)
                if f.message_finished:
                    events.append(f"{int(f.opcode)}:{message.hex()}")
                    message = b""
    except ParseFailed as e:
        events.append(f"fails {int(e.code)}")
    return events


for line in sys.stdin:
    print(*read(line[0], bytes.fromhex(line[1:])), flush=True)
