//go:build !purego

// The fast path of heads, by AVX2 and BMI: see fast_head.go for its Go side.

#include "go_asm.h"
#include "textflag.h"

// The fast path goes over a head twice. It has no loop over the bytes of a token, whose length cannot be
// predicted: all common heads take its branches the same way.
//
// Stage 1 takes 64 bytes at a time and makes one bit of each: is it a control, below 0x20 or DEL? A head
// has no controls but CRLF. (HTAB is allowed, and rare: the portable path reads it.) So each run of controls must be
// a line end, and one longer than two must end the head. The places where runs end are written into the
// fields, as the starts of the lines that follow:
//
//	head          GET / HTTP/1.1<>Host: a<>Accept: *<><>   < is CR, > is LF
//	controls      ..............11.......11.........1111
//	runs begin    ..............1........1..........1...   a control, and none before it
//	lines start   ................1........1..........1.   two places on
//	the head ends ....................................1.   where there is a control again
//
// Stage 2 takes a line at a time. Two table look-ups classify its first 32 bytes. The first byte that is no tchar
// ends the name, and must be the colon. The name's last four bytes and its length select the only known name it could
// be; comparing all of it confirms that. CRLF must stand in front of the next line's start. No byte of the
// value is looked at: a control in it would have ended the line there, and not in CRLF.
//
// Of a request there is more to it: the first line, between the stages, and Host and Connection in the end, see
// fast_host_amd64.h.
//
// What does not fit makes the routine leave without having changed anything that counts, and the portable path
// finds out what it was: no error is reported here, and what is accepted needs no second look.
//
// Up to 64 bytes past the input's end are read, and decide nothing: a line's end counts if it lies before
// the input's, and one that does cannot depend on what comes later. Where they may not be read, a short input is read
// from a copy on the stack.
//
// AVX-512 was tried, and is not worth a second routine: see docs/architecture.md.
//
// VEX encodings only: one legacy SSE instruction (MOVQ AX, X0 is one) while the upper halves of the
// Y registers are in use costs more than many fields.

#define START(k) (k*Field__size+Field_start)

// LINE notes the start of the line that follows the lowest bit of R13, for the field k places on.
#define LINE(k) \
	TZCNTQ R13, AX       \
	ADDL   R8, AX        \
	MOVL   AX, START(k)(R11)(DI*8)

// CLASSIFY makes in out a bit of each byte of Y2 that is not in a class, whose tables are low and high
// (see type tables). The shift is one of words, hence the mask; for a byte from 0x80 on VPSHUFB itself
// finds 0 in low. Y3 keeps low & high.
#define CLASSIFY(low, high, out) \
	VPSRLW    $4, Y2, Y3    \
	VPAND     Y10, Y3, Y3   \
	VPSHUFB   Y2, low, Y4   \
	VPSHUFB   Y3, high, Y3  \
	VPAND     Y3, Y4, Y3    \
	VPCMPEQB  Y12, Y3, Y4   \
	VPMOVMSKB Y4, out

// func headAVX2(s *section, fields *[]Field, buf []byte, kind uint8) (left int)
//
// The frame is the copy's: fastCopy + fastSlack.
TEXT ·headAVX2(SB), NOSPLIT, $576-56
	// Stage 1.
	//	SI  buf                    DI  twice the number of the field that is next given a start
	//	R8  block's offset + 2     R9  the last DI with room for three     R12 and for none
	//	R10 stop + 2               R11 fields                              R15 end of the head
	//	CX  what the block before hands on: its last bit of the controls,
	//	DX  and its last two of where runs begin
	//	R14 the tables
	MOVQ    s+0(FP), R15
	MOVQ    fields+8(FP), BX
	MOVQ    buf_base+16(FP), SI
	MOVQ    buf_len+24(FP), DX
	MOVQ    buf_cap+32(FP), CX
	MOVL    section_pos(R15), R8
	MOVQ    0(BX), R11
	MOVQ    8(BX), DI
	MOVQ    16(BX), R12
	LEAQ    ·fastTables(SB), R14
	CMPB    kind+40(FP), $const_ofSection + 1
	ADCQ    $0, DI               // a section's first field has its start
	ADDQ    DI, DI
	ADDQ    R12, R12
	LEAQ    -6(R12), R9
	ADDQ    $2, R8
	XORL    R15, R15

	// Reading past the input's end is harmless where the slice has the capacity, or what follows is on the page
	// of the last byte. Otherwise a short input is copied, and of a long one the last bytes are left to the
	// portable path.
	LEAQ    2(DX), R10
	SUBQ    DX, CX
	CMPQ    CX, $const_fastSlack
	JGE     room
	LEAQ    (SI)(DX*1), CX
	NEGQ    CX
	ANDL    $(const_page - 1), CX
	CMPL    CX, $const_fastSlack
	JA      room
	CMPQ    DX, $const_fastCopy
	JBE     short
	SUBQ    $const_fastSlack, DX // from DX+1 on no block of 64 may begin
	JLT     leave
	LEAQ    3(DX), R10

room:
	MOVQ    DX, buf_len+24(FP)
	XORL    CX, CX
	XORL    DX, DX
	VMOVDQU tables_controls(R14), Y0
	VMOVDQU tables_del(R14), Y1
	CMPQ    R8, R10
	JAE     partial

	PCALIGN $64
block:
	VMOVDQU   -2(SI)(R8*1), Y2
	VMOVDQU   30(SI)(R8*1), Y3
	VPSUBUSB  Y2, Y0, Y4         // 0x9f-x, or 0: it has the high bit if x is below 0x20
	VPSUBUSB  Y3, Y0, Y5
	VPCMPEQB  Y1, Y2, Y2
	VPCMPEQB  Y1, Y3, Y3
	VPOR      Y2, Y4, Y4
	VPOR      Y3, Y5, Y5
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	SHLQ      $32, BX
	ORQ       BX, AX             // controls
	LEAQ      (CX)(AX*2), BX     // bytes after a control
	MOVQ      AX, CX
	SHRQ      $63, CX
	ANDNQ     AX, BX, R13        // controls that begin a run
	LEAQ      (DX)(R13*4), BX
	MOVQ      R13, DX
	SHRQ      $62, DX
	ANDQ      BX, AX             // controls two places on: a run of three
	JNZ       found

lines: // Three without a question, as there are seldom more. Those that are none will be overwritten.
	CMPQ    DI, R9
	JGT     tight
	POPCNTQ R13, BX
	LINE(0)
	BLSRQ   R13, R13
	LINE(1)
	BLSRQ   R13, R13
	LINE(2)
	CMPQ    BX, $3
	JA      more
	LEAQ    (DI)(BX*2), DI

next:
	ADDQ  $64, R8
	CMPQ  R8, R10
	JB    block
	TESTQ R15, R15
	JZ    partial
	CMPQ  R15, buf_len+24(FP)          // or it is not the input's
	JA    partial
	CMPL  -4(SI)(R15*1), $0x0a0d0a0d
	JNE   leave
	JMP   fields

found: // The head ends one byte on. What follows is no line, and this block is the last.
	TZCNTQ AX, CX
	LEAQ   (R8)(CX*1), R15
	BZHIQ  CX, R13, R13
	XORL   R10, R10
	JMP    lines

more:
	BLSRQ R13, R13
	ADDQ  $6, DI

tight:
	TESTQ R13, R13
	JZ    next
	CMPQ  DI, R12
	JAE   leave
	LINE(0)
	BLSRQ R13, R13
	ADDQ  $2, DI
	JMP   tight

partial: // The head goes on after the input. The lines that end before can be read.
	MOVQ buf_len+24(FP), CX
	MOVQ fields+8(FP), DX
	MOVQ 8(DX), BX
	CMPB kind+40(FP), $const_ofSection + 1
	ADCQ $0, BX
	ADDQ BX, BX

back:
	CMPQ DI, BX
	JE   leave
	MOVL START(-1)(R11)(DI*8), R15
	SUBQ $2, DI
	CMPQ R15, CX
	JA   back
	ADDQ $2, DI
	BTSQ $63, R15                     // to tell it from a whole one

fields:
	SHRQ    $1, DI
	LEAQ    -1(DI), R8                // the last start is that of no field
	VMOVDQU tables_tokenLow(R14), Y8
	VMOVDQU tables_tokenHigh(R14), Y9
	VMOVDQU tables_nibble(R14), Y10
	VMOVDQU tables_space(R14), Y11
	VPXOR   Y12, Y12, Y12
	CMPB    kind+40(FP), $const_ofRequest
	JNE     stage2

	// The request line is a token, SP, the target, and SP HTTP/1.0 or SP HTTP/1.1 before the first
	// control, which begins CRLF.
	MOVL     START(0)(R11), DX
	SUBQ     $11, DX                  // the target's end
	JLE      leave
	VMOVDQU  (SI), Y2
	CLASSIFY(Y8, Y9, AX)
	TZCNTL   AX, CX                   // the method's length
	JZ       leave
	MOVBLZX  (SI)(CX*1), AX
	CMPL     AX, $' '
	JNE      leave
	MOVQ     $0x2e312f5054544820, AX  // " HTTP/1."
	CMPQ     AX, (SI)(DX*1)
	JNE      leave
	MOVL     $0x0a0d302e, BX          // ".0" CRLF
	XORL     7(SI)(DX*1), BX          // 0x100 for ".1" CRLF
	TESTL    $~0x100, BX
	JNZ      leave
	MOVQ     s+0(FP), R10
	SUBQ     $Head_section, R10
	MOVL     $0, (Request_Method+Span_Off)(R10)
	MOVL     CX, (Request_Method+Span_Len)(R10)
	INCL     CX                       // the target's start, and where its next 64 bytes are
	MOVL     DX, AX
	SUBL     CX, AX
	JLE      leave
	MOVL     CX, (Request_Target+Span_Off)(R10)
	MOVL     AX, (Request_Target+Span_Len)(R10)
	MOVL     CX, (Request_Path+Span_Off)(R10)
	MOVQ     DX, R13                  // the first "?"
	MOVL     $64, R12
	VMOVDQU  tables_target(R14), Y6

target: // No SP, '"', "#", "<", ">", which VPSHUFB finds by their lower halves, and no byte from 0x80 on, for
	// which it finds 0; of controls, see above.
	VMOVDQU   (SI)(CX*1), Y2
	VMOVDQU   32(SI)(CX*1), Y3
	VPSHUFB   Y2, Y6, Y4
	VPSHUFB   Y3, Y6, Y5
	VPCMPEQB  Y2, Y4, Y4
	VPCMPEQB  Y3, Y5, Y5
	VPOR      Y2, Y4, Y4
	VPOR      Y3, Y5, Y5
	VPCMPEQB  tables_question(R14), Y2, Y2
	VPCMPEQB  tables_question(R14), Y3, Y3
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	VPMOVMSKB Y2, BX
	VPMOVMSKB Y3, R9
	SHLQ      $32, R9
	ORQ       R9, BX
	MOVQ      DX, R9
	SUBQ      CX, R9                   // what is left of it, at most 64: BZHI counts modulo 256
	CMPQ      R9, R12
	CMOVQGT   R12, R9
	BZHIQ     R9, AX, AX
	TESTQ     AX, AX
	JNZ       leave
	TZCNTQ    BX, BX
	LEAQ      (BX)(CX*1), BX
	CMOVQCS   DX, BX                   // none
	CMPQ      BX, R13
	CMOVQLT   BX, R13
	ADDQ      $64, CX
	CMPQ      CX, DX
	JLT       target
	MOVBLZX   8(SI)(DX*1), AX
	ANDL      $1, AX
	MOVB      AX, Head_Minor(R10)
	MOVL      R13, AX
	SUBL      (Request_Target+Span_Off)(R10), AX
	MOVL      AX, (Request_Path+Span_Len)(R10)
	XORL      BX, BX
	LEAL      1(R13), CX
	MOVL      DX, AX
	SUBL      CX, AX
	CMPL      R13, DX
	CMOVLEQ   BX, CX                   // the zero Span where there is no "?"
	CMOVLEQ   BX, AX
	MOVL      CX, (Request_Query+Span_Off)(R10)
	MOVL      AX, (Request_Query+Span_Len)(R10)

stage2:
	// Stage 2.
	//	SI  buf            DI  the field      BX  its number     R8  count
	//	R9  line's start   R10 names seen     R12 0              R13 have + unknown names
	//	R14 the tables     R15 s              R11 where the lines end
	MOVQ fields+8(FP), AX
	MOVQ R11, DI
	MOVQ R15, R11
	MOVQ s+0(FP), R15
	MOVQ 8(AX), BX
	MOVQ BX, R13
	MOVQ BX, AX
	SHLQ $4, AX
	ADDQ AX, DI
	XORL R10, R10
	XORL R12, R12
	CMPQ BX, R8
	JAE  seen
	MOVL START(0)(DI), R9

	PCALIGN $64
line:
	VMOVDQU   (SI)(R9*1), Y2
	CLASSIFY(Y8, Y9, AX)
	TZCNTL    AX, CX                         // the name's length, at most 32
	JZ        leave
	BLSMSKL   AX, AX                         // the name and the byte after it
	LEAQ      (R9)(CX*1), DX
	MOVL      DX, Field_colon(DI)
	MOVBLZX   (SI)(DX*1), R9
	CMPL      R9, $':'
	JNE       leave
	MOVL      -4(SI)(DX*1), DX               // its last four bytes, or with the LF before it
	ORL       $const_spaces, DX
	LEAL      (DX)(CX*8), DX
	IMULL     $const_nameFactor, DX
	SHRL      $24, DX
	MOVWLZX   tables_slot(R14)(DX*2), DX     // 32 times the number
	VPOR      Y11, Y2, Y2
	VPCMPEQB  tables_row(R14)(DX*1), Y2, Y2
	VPMOVMSKB Y2, CX
	ANDNL     AX, CX, CX                     // what differs in them
	NEGL      CX                             // anything: carry
	CMOVLCS   R12, DX
	ADCQ      $0, R13
	SHRL      $5, DX
	MOVL      DX, Field_name(DI)
	MOVW      BX, section_first(R15)(DX*2)
	BTSQ      DX, R10
	MOVL      START(1)(DI), R9
	MOVWLZX   -2(SI)(R9*1), CX
	CMPL      CX, $0x0a0d
	JNE       leave
	MOVL      R9, Field_next(DI)
	ADDQ      $Field__size, DI
	INCL      BX
	CMPL      BX, R8
	JB        line

seen: // Did known names come twice? Then there are fewer of them than fields that have one.
	MOVQ    section_seen(R15), R9
	MOVQ    section_twice(R15), R12
	MOVQ    R10, CX
	ANDQ    $~1, CX
	POPCNTQ CX, DX
	ADDQ    R13, DX
	CMPQ    DX, R8
	JNE     twice
	TESTQ   R9, CX
	JNZ     twice
	ORQ     R9, R10

commit:
	MOVQ    fields+8(FP), BX
	MOVQ    R10, section_seen(R15)
	MOVQ    R12, section_twice(R15)
	MOVQ    R8, 8(BX)
	MOVL    R11, section_pos(R15)
	TESTQ   R11, R11
	JS      lineEnd
	MOVB    $const_atEnd, section_state(R15)
	CMPB    kind+40(FP), $const_ofRequest
	JNE     nothing

#include "fast_host_amd64.h"

all:
	MOVQ $const_leftAll, left+48(FP)
	VZEROUPPER
	RET

lineEnd:
	MOVB $const_atLine, section_state(R15)
	MOVQ $const_leftLines, left+48(FP)
	VZEROUPPER
	RET

nothing:
	MOVQ $0, left+48(FP)
	VZEROUPPER
	RET

twice: // The field's names again, one by one.
	MOVQ R9, R10
	MOVQ fields+8(FP), DI
	MOVQ 8(DI), BX
	MOVQ 0(DI), DI
	MOVQ BX, AX
	SHLQ $4, AX
	ADDQ AX, DI

again:
	MOVL Field_name(DI), DX
	BTSQ DX, R10
	JCC  once
	BTSQ DX, R12

once:
	ADDQ $Field__size, DI
	INCL BX
	CMPL BX, R8
	JB   again
	JMP  commit

short: // Copied 32 bytes at a time, the last ones together with some before them.
	LEAQ    copy-576(SP), BX
	LEAQ    -32(DX), CX
	XORL    AX, AX
	TESTQ   CX, CX
	JLT     leave

copying:
	VMOVDQU (SI)(AX*1), Y2
	VMOVDQU Y2, (BX)(AX*1)
	ADDQ    $32, AX
	CMPQ    AX, CX
	JB      copying
	VMOVDQU (SI)(CX*1), Y2
	VMOVDQU Y2, (BX)(CX*1)
	MOVQ    BX, SI
	JMP     room

leave:
	MOVQ $-1, AX
	MOVQ AX, left+48(FP)
	VZEROUPPER
	RET
