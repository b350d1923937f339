//go:build !purego

// The fast path of field lines, by NEON: see fast_arm64.go for its Go side.

#include "go_asm.h"
#include "textflag.h"

// The stages of fast_amd64.s, on vectors of 16 bytes, for the lines of a section; what is said there holds here.
// There is no VPMOVMSKB: bytes of all ones are cut down to one bit each, by its place among eight, and three
// additions of neighbours make a byte of eight of them.

// func linesNEON(s *section, buf *byte, n, stop int, field *Field, have, room int) (count int)
TEXT ·linesNEON(SB), NOSPLIT, $0-64
	// Stage 1.
	//	R0 buf    R1 block's offset    R2 stop    R3 &field, the last that was given a start
	//	R4 room   R5 starts given      R14 end of the head
	//	R6 what the block before hands on: its last bit of the controls,
	//	R7 and its last two of where runs begin
	MOVD  s+0(FP), R19
	MOVD  buf+8(FP), R0
	MOVWU section_pos(R19), R1
	MOVD  stop+24(FP), R2
	MOVD  field+32(FP), R3
	MOVD  room+48(FP), R4
	MOVD  ZR, R5
	MOVD  ZR, R6
	MOVD  ZR, R7
	MOVD  ZR, R14
	MOVD  $0x8040201008040201, R8
	VMOVI $0x1f, V16.B16
	VMOVI $0x7f, V17.B16
	VDUP  R8, V18.D2

block:
	CMP   R2, R1
	BGE   marked
	ADD   R0, R1, R8
	VLD1  (R8), [V0.B16, V1.B16, V2.B16, V3.B16]
	VUMIN V0.B16, V16.B16, V4.B16
	VUMIN V1.B16, V16.B16, V5.B16
	VUMIN V2.B16, V16.B16, V6.B16
	VUMIN V3.B16, V16.B16, V7.B16
	VCMEQ V0.B16, V4.B16, V4.B16
	VCMEQ V1.B16, V5.B16, V5.B16
	VCMEQ V2.B16, V6.B16, V6.B16
	VCMEQ V3.B16, V7.B16, V7.B16
	VCMEQ V0.B16, V17.B16, V0.B16
	VCMEQ V1.B16, V17.B16, V1.B16
	VCMEQ V2.B16, V17.B16, V2.B16
	VCMEQ V3.B16, V17.B16, V3.B16
	VORR  V0.B16, V4.B16, V4.B16
	VORR  V1.B16, V5.B16, V5.B16
	VORR  V2.B16, V6.B16, V6.B16
	VORR  V3.B16, V7.B16, V7.B16
	VAND  V18.B16, V4.B16, V4.B16
	VAND  V18.B16, V5.B16, V5.B16
	VAND  V18.B16, V6.B16, V6.B16
	VAND  V18.B16, V7.B16, V7.B16
	VADDP V5.B16, V4.B16, V4.B16
	VADDP V7.B16, V6.B16, V6.B16
	VADDP V6.B16, V4.B16, V4.B16
	VADDP V4.B16, V4.B16, V4.B16
	VMOV  V4.D[0], R9               // controls
	ORR   R9<<1, R6, R10            // bytes after a control
	LSR   $63, R9, R6
	BIC   R10, R9, R10              // controls that begin a run
	ORR   R10<<2, R7, R11
	LSR   $62, R10, R7
	ANDS  R9, R11, R11              // controls two places on: a run of three
	BNE   found

lines:
	CBZ   R10, next
	ADD   $2, R1, R13

line:
	CMP   R4, R5
	BGE   leave
	RBIT  R10, R12
	CLZ   R12, R12
	ADD   R13, R12
	ADD   $Field__size, R3
	MOVW  R12, Field_start(R3)
	ADD   $1, R5
	SUB   $1, R10, R12
	ANDS  R12, R10, R10
	BNE   line

next:
	ADD   $64, R1
	B     block

found: // The head ends one byte on. What follows is no line, and this block is the last.
	RBIT  R11, R12
	CLZ   R12, R12
	ADD   R1, R12, R14
	ADD   $2, R14
	MOVD  $1, R13
	LSL   R12, R13, R13
	SUB   $1, R13
	AND   R13, R10
	MOVD  R1, R2
	B     lines

marked:
	MOVD  n+16(FP), R4
	MOVD  $const_atEnd, R15
	CBZ   R14, partial
	CMP   R4, R14
	BGT   partial
	ADD   R0, R14, R8
	MOVWU -4(R8), R8
	MOVD  $0x0a0d0a0d, R9
	CMPW  R9, R8
	BNE   leave
	CBZ   R5, leave
	B     names

partial: // The head goes on after the input. The lines that end before can be read.
	CBZ   R5, leave
	MOVWU Field_start(R3), R14
	CMP   R4, R14
	BLE   most
	SUB   $Field__size, R3
	SUB   $1, R5
	B     partial

most:
	MOVD  $const_atLine, R15

names:
	// Stage 2.
	//	R0 buf    R1 the field's number    R2 its end    R3 &field    R4 line's start
	//	R5 count  R10 names seen, R11 twice    R14 where the lines end, R15 the state there
	//	R19 s     R20 rows of the tables       R21 slots    R22 nameFactor    R23 2    R24 CRLF    R25 first
	MOVD   field+32(FP), R3
	MOVD   have+40(FP), R1
	MOVD   $·fastTables(SB), R20
	ADD    R1, R5, R2
	MOVD   section_seen(R19), R10
	MOVD   section_twice(R19), R11
	ADD    $tables_slot, R20, R21
	ADD    $tables_tokenLow, R20, R8
	ADD    $tables_tokenHigh, R20, R9
	VLD1   (R8), [V20.B16]
	VLD1   (R9), [V21.B16]
	VMOVI  $0x0f, V16.B16
	VMOVI  $0x20, V17.B16
	MOVD   $const_nameFactor, R22
	MOVD   $2, R23
	MOVD   $0x0a0d, R24
	ADD    $section_first, R19, R25
	MOVWU  Field_start(R3), R4

name:
	ADD    R0, R4, R8
	VLD1   (R8), [V0.B16, V1.B16]
	VAND   V16.B16, V0.B16, V2.B16
	VAND   V16.B16, V1.B16, V3.B16
	VUSHR  $4, V0.B16, V4.B16
	VUSHR  $4, V1.B16, V5.B16
	VTBL   V2.B16, [V20.B16], V2.B16
	VTBL   V3.B16, [V20.B16], V3.B16
	VTBL   V4.B16, [V21.B16], V4.B16
	VTBL   V5.B16, [V21.B16], V5.B16
	VCMTST V2.B16, V4.B16, V2.B16
	VCMTST V3.B16, V5.B16, V3.B16
	VAND   V18.B16, V2.B16, V2.B16
	VAND   V18.B16, V3.B16, V3.B16
	VADDP  V3.B16, V2.B16, V2.B16
	VADDP  V2.B16, V2.B16, V2.B16
	VADDP  V2.B16, V2.B16, V2.B16
	VMOV   V2.S[0], R6
	MVNW   R6, R6
	RBITW  R6, R6
	CLZW   R6, R6                   // the name's length, at most 32
	TBNZ   $5, R6, leave
	CBZ    R6, leave
	ADD    R6, R8, R9
	ADD    R6, R4, R7               // its end
	MOVBU  (R9), R12
	MOVWU  -4(R9), R13              // its last four bytes, or with the LF before it
	CMPW   $':', R12
	BNE    leave
	ORRW   $const_spaces, R13
	ADDW   R6<<3, R13
	MULW   R22, R13
	LSRW   $24, R13
	MOVHU  (R21)(R13<<1), R13       // 32 times the number
	ADD    R20, R13, R9
	VLD1   (R9), [V6.B16, V7.B16]
	VORR   V17.B16, V0.B16, V0.B16
	VORR   V17.B16, V1.B16, V1.B16
	VCMEQ  V6.B16, V0.B16, V0.B16
	VCMEQ  V7.B16, V1.B16, V1.B16
	VAND   V18.B16, V0.B16, V0.B16
	VAND   V18.B16, V1.B16, V1.B16
	VADDP  V1.B16, V0.B16, V0.B16
	VADDP  V0.B16, V0.B16, V0.B16
	VADDP  V0.B16, V0.B16, V0.B16
	VMOV   V0.S[0], R9
	LSL    R6, R23, R6
	SUB    $1, R6                   // the name and the byte after it
	BICS   R9, R6, R6               // what differs in them
	CSEL   EQ, R13, ZR, R13
	LSR    $5, R13
	MOVWU  (Field__size+Field_start)(R3), R4
	ADD    R0, R4, R8
	MOVHU  -2(R8), R8
	CMPW   R24, R8
	BNE    leave
	MOVW   R7, Field_colon(R3)
	STPW   (R4, R13), Field_next(R3)
	MOVH   R1, (R25)(R13<<1)
	MOVD   $1, R8
	LSL    R13, R8, R8
	AND    R8, R10, R9
	ORR    R9, R11
	ORR    R8, R10
	ADD    $Field__size, R3
	ADD    $1, R1
	CMP    R2, R1
	BLT    name

	MOVD   R10, section_seen(R19)
	MOVD   R11, section_twice(R19)
	MOVW   R14, section_pos(R19)
	MOVB   R15, section_state(R19)
	MOVD   R5, count+56(FP)
	RET

leave:
	MOVD   $-1, R5
	MOVD   R5, count+56(FP)
	RET
