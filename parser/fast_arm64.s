//go:build !purego

// The fast path of heads, by NEON: see fast_head.go for its Go side.

#include "go_asm.h"
#include "textflag.h"

// These are the two stages of fast_amd64.s, and what is said there holds here. What differs:
//
// There is no VPMOVMSKB. Vectors are loaded by VLD4 or VLD2, which deal out the bytes in turn: of four vectors the
// first gets bytes 0, 4, 8 and so on. So the bits of neighbours meet by shifts within bytes (VSRI), and one
// narrowing shift (NARROW) makes 64 bits of the result, in the order of the bytes. This is 6 instructions for 64 bytes.
//
// The lowest bit that is set is found from the other end, by RBIT and CLZ.
//
// A name is not classified: the first colon ends it. If it is a known one, that proves it a token; only an unknown
// name is looked at again. On amd64 classifying costs less than the branch.

// NARROW shifts each 16 bits of vector n right by 4, and puts the lower half of each into vector d:
// SHRN $4, Vn.H8, Vd.B8, which Go's assembler does not have.
#define NARROW(n, d) WORD $(0x0f0c8400 + 32*n + d)

// PAIRS makes in out two bits of each byte of V2 and V3, which hold the bytes in even and in odd places, all ones or
// zeros.
#define PAIRS(out) \
	VSRI   $2, V2.B16, V3.B16 \
	VSRI   $4, V3.B16, V3.B16 \
	NARROW(3, 3)              \
	VMOV   V3.D[0], out

// CLASSIFY makes all ones in out of the bytes of in that are in a class, whose tables are low and high (see type
// tables), and zeros of the others. For a byte from 0x80 on VTBL finds 0 in high.
#define CLASSIFY(in, low, high, t, out) \
	VAND   V16.B16, in.B16, t.B16        \
	VUSHR  $4, in.B16, out.B16           \
	VTBL   t.B16, [low.B16], t.B16       \
	VTBL   out.B16, [high.B16], out.B16  \
	VCMTST t.B16, out.B16, out.B16

// func headNEON(s *section, fields *[]Field, buf []byte, kind uint8) (left int)
//
// The frame is the copy's: fastCopy + fastSlack.
TEXT ·headNEON(SB), NOSPLIT, $576-56
	// Stage 1.
	//	R0  buf              R1  n                R2  block's offset + 2    R3  and its address
	//	R4  end of storage   R5  first to be given a start                  R6  next to be given one
	//	R7  stop + 2         R15 end of the head  R16 kind                  R17 the tables
	//	R10 what the block before hands on: its last bit of the controls,
	//	R12 and its last two of where runs begin
	//	R19 s                R20 fields           R21 the next of them      R25 the highest bit
	MOVD  s+0(FP), R19
	MOVD  fields+8(FP), R8
	MOVD  buf_base+16(FP), R0
	MOVD  buf_len+24(FP), R1
	MOVD  buf_cap+32(FP), R9
	MOVBU kind+40(FP), R16
	MOVD  $·fastTables(SB), R17
	MOVWU section_pos(R19), R2
	LDP   (R8), (R20, R21)
	MOVD  16(R8), R4
	ADD   R21<<4, R20, R21
	ADD   R4<<4, R20, R4
	CMP   $const_ofSection, R16
	ADD   $Field__size, R21, R5
	CSEL  EQ, R5, R21, R5                  // a section's first field has its start
	MOVD  R5, R6

	// Reading past the input's end is harmless where the slice has the capacity, or what follows is on the page
	// of the last byte. Otherwise a short input is copied, and of a long one the last bytes are left to the
	// portable path.
	SUB   R1, R9
	ADD   $2, R1, R7
	CMP   $const_fastSlack, R9
	BGE   room
	ADD   R0, R1, R9
	NEG   R9, R9
	AND   $(const_page - 1), R9
	CMP   $const_fastSlack, R9
	BHI   room
	CMP   $const_fastCopy, R1
	BLS   short
	SUB   $const_fastSlack, R1
	ADD   $3, R1, R7                       // from R1+1 on no block of 64 may begin

room:
	ADD   R0, R2, R3
	ADD   $2, R2
	MOVD  ZR, R10
	MOVD  ZR, R12
	MOVD  ZR, R15
	MOVD  $1<<63, R25
	VMOVI $0x7f, V17.B16
	VMOVI $0xff, V20.B16
	CMP   R7, R2
	BHS   partial

block: // A control is DEL, or its half is an index into 16 bytes. (Into 32 it would need no half, but a slower VTBX.)
	VLD4.P 64(R3), [V0.B16, V1.B16, V2.B16, V3.B16]
	VCMEQ  V0.B16, V17.B16, V4.B16
	VCMEQ  V1.B16, V17.B16, V5.B16
	VCMEQ  V2.B16, V17.B16, V6.B16
	VCMEQ  V3.B16, V17.B16, V7.B16
	VUSHR  $1, V0.B16, V0.B16
	VUSHR  $1, V1.B16, V1.B16
	VUSHR  $1, V2.B16, V2.B16
	VUSHR  $1, V3.B16, V3.B16
	VTBX   V0.B16, [V20.B16], V4.B16
	VTBX   V1.B16, [V20.B16], V5.B16
	VTBX   V2.B16, [V20.B16], V6.B16
	VTBX   V3.B16, [V20.B16], V7.B16
	VSRI   $1, V4.B16, V5.B16
	VSRI   $1, V6.B16, V7.B16
	VSRI   $2, V5.B16, V7.B16
	VSRI   $4, V7.B16, V7.B16
	NARROW(7, 7)
	VMOV   V7.D[0], R9                     // controls
	ORR    R9<<1, R10, R11                 // bytes after a control
	LSR    $63, R9, R10
	BIC    R11, R9, R11                    // controls that begin a run
	ORR    R11<<2, R12, R13
	LSR    $62, R11, R12
	ANDS   R9, R13, R13                    // controls two places on: a run of three
	BNE    found

lines:
	CBZ   R11, next
	RBIT  R11, R11

start:
	CMP    R4, R6
	BHS    leave
	CLZ    R11, R13
	LSR    R13, R25, R14
	ADD    R2, R13
	MOVW.P R13, Field__size(R6)
	BICS   R14, R11, R11
	BNE    start

next:
	ADD   $64, R2
	CMP   R7, R2
	BLO   block
	CBZ   R15, partial
	CMP   R1, R15                          // or it is not the input's
	BHI   partial
	ADD   R0, R15, R8
	MOVWU -4(R8), R8
	MOVW  $0x0a0d0a0d, R9
	CMPW  R9, R8
	BNE   leave
	MOVD  $const_atEnd, R23
	B     first

found: // The head ends one byte on. What follows is no line, and this block is the last.
	RBIT  R13, R13
	CLZ   R13, R13
	ADD   R2, R13, R15
	MOVD  $-1, R14
	LSL   R13, R14, R14
	BIC   R14, R11
	MOVD  ZR, R7
	B     lines

partial: // The head goes on after the input. The lines that end before can be read.
	MOVD  $const_atLine, R23

back:
	CMP   R5, R6
	BEQ   leave
	SUB   $Field__size, R6
	MOVWU Field_start(R6), R15
	CMP   R1, R15
	BHI   back
	ADD   $Field__size, R6

first:
	SUB   $Field__size, R6, R22            // the last start is that of no field
	ADD   $tables_tokenLow, R17, R8
	VLD1  (R8), [V18.B16, V19.B16]
	VMOVI $0x0f, V16.B16
	CMP   $const_ofRequest, R16
	BNE   stage2

	// The request line is a token, SP, the target, and SP HTTP/1.0 or SP HTTP/1.1 before the first
	// control, which begins CRLF.
	MOVWU Field_start(R21), R2
	SUBS  $11, R2                          // the target's end
	BLE   leave
	VLD1  (R0), [V0.B16]
	CLASSIFY(V0, V18, V19, V2, V1)
	NARROW(1, 1)
	VMOV  V1.D[0], R9
	MVN   R9, R9
	RBIT  R9, R9
	CLZ   R9, R9
	LSR   $2, R9                           // the method's length, at most 16
	CBZ   R9, leave
	MOVBU (R0)(R9), R8
	CMPW  $' ', R8
	BNE   leave
	ADD   R0, R2, R12
	MOVD  $0x2e312f5054544820, R10         // " HTTP/1."
	MOVD  (R12), R8
	CMP   R10, R8
	BNE   leave
	MOVW  $0x0a0d302e, R10                 // ".0" CRLF
	MOVWU 7(R12), R11
	EORW  R10, R11                         // 0x100 for ".1" CRLF
	TST   $~0x100, R11
	BNE   leave
	LSR   $8, R11, R5                      // the minor version
	ADD   $1, R9, R10                      // the target's start,
	SUBS  R10, R2, R14                     // and its length
	BLE   leave
	ADD   $(Request_Method - Head_section), R19, R3
	STPW  (ZR, R9), (R3)
	STPW  (R10, R14), (Request_Target - Request_Method)(R3)

	// What ends the target is SP, '"', "#", "<", ">" or a byte from 0x80 on, and "?" the path: VTBX finds the first
	// by their lower halves, and leaves the last what they are. Of controls, see above. The first SP must be the one
	// at R12, so that none of this reads further.
	ADD   R0, R10, R8
	MOVD  R12, R13                         // the first "?"
	ADD   $tables_target, R17, R9
	VLD1  (R9), [V22.B16]
	VMOVI $0x8f, V23.B16

target:
	VLD1.P 16(R8), [V0.B16]
	VAND   V23.B16, V0.B16, V1.B16
	VMOV   V0.B16, V2.B16
	VTBX   V1.B16, [V22.B16], V2.B16
	VCMEQ  V0.B16, V2.B16, V2.B16
	NARROW(2, 2)
	VMOV   V2.D[0], R9
	CBZ    R9, target
	RBIT   R9, R9
	CLZ    R9, R9
	SUB    $16, R8
	ADD    R9>>2, R8
	CMP    R12, R8
	BEQ    path
	MOVBU  (R8), R9
	CMPW   $'?', R9
	BNE    leave
	CMP    R12, R13
	CSEL   EQ, R8, R13, R13
	ADD    $1, R8
	B      target

path:
	MOVB  R5, (Head_Minor - Request_Method)(R3)
	SUB   R0, R13, R9
	SUB   R10, R9, R11
	STPW  (R10, R11), (Request_Path - Request_Method)(R3)
	ADD   $1, R9
	SUB   R9, R2, R11
	CMP   R12, R13
	CSEL  EQ, ZR, R9, R9                   // the zero Span where there is no "?"
	CSEL  EQ, ZR, R11, R11
	STPW  (R9, R11), (Request_Query - Request_Method)(R3)

stage2:
	// Stage 2.
	//	R0  buf           R8  line's address      R21 &field.next        R22 and where they end
	//	R3  its number    R9  known name          R10 names seen         R11 and twice
	//	R12 nameFactor    R13 1                   R15 where the lines end
	//	R23 the state there                       R24 slots              R25 first
	//	R16 kind          R17 the tables          R19 s                  R20 fields
	//	R26 rows of names
	SUB   R20, R21, R3
	LSR   $4, R3
	ADD   $tables_slot, R17, R24
	ADD   $tables_row, R17, R26
	ADD   $section_first, R19, R25
	MOVD  section_seen(R19), R10
	MOVD  section_twice(R19), R11
	MOVW  $const_nameFactor, R12
	MOVD  $1, R13
	MOVW  $0x0a0d, R14
	VMOVI $':', V17.B16
	CMP   R22, R21
	BHS   commit
	MOVWU Field_start(R21), R8
	ADD   R0, R8
	ADD   $Field_next, R21
	ADD   $Field_next, R22

line:
	VLD2  (R8), [V0.B16, V1.B16]
	VCMEQ V0.B16, V17.B16, V2.B16
	VCMEQ V1.B16, V17.B16, V3.B16
	PAIRS(R5)
	RBIT  R5, R6
	CLZ   R6, R6                           // twice the name's length, which is at most 32
	ADD   R6>>1, R8, R7                    // the colon
	MOVWU -4(R7), R9                       // its last four bytes, or with the LF before it
	ORRW  $const_spaces, R9
	ADDW  R6<<2, R9
	MULW  R12, R9
	LSRW  $24, R9
	MOVBU (R24)(R9), R9                    // the number
	ADD   R9<<6, R26, R2
	VLD1  (R2), [V4.B16, V5.B16, V6.B16, V7.B16]
	VEOR  V0.B16, V4.B16, V4.B16
	VEOR  V1.B16, V5.B16, V5.B16
	VCMTST V6.B16, V4.B16, V4.B16
	VCMTST V7.B16, V5.B16, V5.B16
	VORR  V4.B16, V5.B16, V5.B16
	NARROW(5, 5)
	VMOV  V5.D[0], R2
	CBNZ  R2, unknown

named:
	SUB    R0, R7
	MOVWU  (Field__size + Field_start - Field_next)(R21), R4
	ADD    R0, R4, R8
	MOVHU  -2(R8), R2
	CMPW   R14, R2
	BNE    leave
	MOVW   R7, (Field_colon - Field_next)(R21)
	STPW   (R4, R9), (R21)                 // not STPW.P: R21 would wait for R9 as well, and the next line for it
	ADD    $Field__size, R21
	MOVH   R3, (R25)(R9<<1)
	LSL    R9, R13, R2
	AND    R2, R10, R5
	ORR    R5, R11
	ORR    R2, R10
	ADD    $1, R3
	CMP    R22, R21
	BLO    line

commit:
	MOVD  fields+8(FP), R8
	MOVD  R10, section_seen(R19)
	MOVD  R11, section_twice(R19)
	MOVD  R3, 8(R8)
	MOVW  R15, section_pos(R19)
	MOVB  R23, section_state(R19)
	CMP   $const_atEnd, R23
	BNE   lineEnd
	CMP   $const_ofRequest, R16
	BNE   nothing

#include "fast_host_arm64.h"

all:
	MOVD  $const_leftAll, R8
	MOVD  R8, left+48(FP)
	RET

lineEnd:
	MOVD  $const_leftLines, R8
	MOVD  R8, left+48(FP)
	RET

nothing:
	MOVD  ZR, left+48(FP)
	RET

unknown: // Its colon must be the first byte that is no tchar.
	TBNZ  $0, R5, leave                    // there is no name
	MOVBU (R7), R2
	CMPW  $':', R2
	BNE   leave
	CLASSIFY(V0, V18, V19, V4, V2)
	CLASSIFY(V1, V18, V19, V4, V3)
	PAIRS(R2)
	SUB   $1, R5, R9
	BIC   R5, R9                           // the bits before the colon's
	BICS  R2, R9, R9
	BNE   leave
	MOVD  ZR, R9
	B     named

short: // Copied 32 bytes at a time, the last ones together with some before them.
	MOVD  $copy-576(SP), R9
	MOVD  R9, R10
	SUBS  $32, R1, R11
	BLT   leave
	ADD   R0, R11, R11
	MOVD  R0, R8

copying:
	VLD1.P 32(R8), [V0.B16, V1.B16]
	VST1.P [V0.B16, V1.B16], 32(R9)
	CMP    R11, R8
	BLO    copying
	SUB    R0, R11, R9
	ADD    R10, R9
	VLD1   (R11), [V0.B16, V1.B16]
	VST1   [V0.B16, V1.B16], (R9)
	MOVD   R10, R0
	B      room

leave:
	MOVD  $const_leftUndone, R8
	MOVD  R8, left+48(FP)
	RET
