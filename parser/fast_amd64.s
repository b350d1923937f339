//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The fast path: a head in two passes over it, with hardly a branch that depends on its bytes.
//
// Stage 1 goes over 64 bytes at a time and makes one bit for each of them: is it a control (below
// 0x20, or DEL)? Nothing but CRLF may be one, so wherever a run of controls starts a line should
// end, and where a run has four of them the head should. The places go into fields as the lines'
// starts. Stage 2 takes line by line: the name's length from a vector of classes, the number of a
// known name from a hash and one comparison, and the CRLF where the next line starts. What does
// not fit is collected and looked at once: the portable path finds out what it was, from the start.

// Stage 1: registers
//	SI  buf
//	DI  where the next line's start goes: &fields[k].start
//	R8  the block's offset, and 2
//	R9  the last DI with room for three
//	R10 stop + 2
//	CX  the last block's bit 63 of m, as bit 0
//	DX  the last block's bits 62 and 63 of pairs, as bits 0 and 1
//	AX BX R13 see below
//
// func headAVX2(s *section, t *tables, buf *byte, fields *Field, from, n, stop, have, next, room int, request bool) (count, end int, whole bool, method, query, host int)
TEXT ·headAVX2(SB), NOSPLIT, $0-136
	MOVQ    t+8(FP), R14
	MOVQ    buf+16(FP), SI
	MOVQ    fields+24(FP), R11
	MOVQ    from+32(FP), R8
	MOVQ    stop+48(FP), R10
	MOVQ    next+64(FP), DI
	MOVQ    room+72(FP), R12
	SHLQ    $4, DI
	ADDQ    R11, DI
	SHLQ    $4, R12
	ADDQ    R11, R12
	LEAQ    -(3*Field__size)(R12), R9
	ADDQ    $2, R8
	ADDQ    $2, R10
	XORL    CX, CX
	XORL    DX, DX
	VMOVDQU tables_control(R14), Y0
	VMOVDQU tables_del(R14), Y1
	CMPQ    R8, R10
	JAE     partial

block:
	VMOVDQU   -2(SI)(R8*1), Y2
	VMOVDQU   30(SI)(R8*1), Y3
	VPMINUB   Y0, Y2, Y4
	VPMINUB   Y0, Y3, Y5
	VPCMPEQB  Y2, Y4, Y4
	VPCMPEQB  Y3, Y5, Y5
	VPCMPEQB  Y1, Y2, Y2
	VPCMPEQB  Y1, Y3, Y3
	VPOR      Y2, Y4, Y4
	VPOR      Y3, Y5, Y5
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	SHLQ      $32, BX
	ORQ       BX, AX             // m: the controls
	LEAQ      (CX)(AX*2), BX     // bytes behind one
	MOVQ      AX, CX
	SHRQ      $63, CX
	ANDNQ     AX, BX, R13        // m &^ behind: where a run of controls starts
	ANDQ      AX, BX             // pairs: the second, third, ... of a run
	LEAQ      (DX)(BX*4), AX
	MOVQ      BX, DX
	SHRQ      $62, DX
	ANDQ      BX, AX             // the fourth, fifth, ... of a run
	JNZ       found
	CMPQ      DI, R9
	JA        tight
	POPCNTQ   R13, BX
	TZCNTQ    R13, AX
	ADDL      R8, AX
	MOVL      AX, (0*Field__size+Field_start)(DI)
	BLSRQ     R13, R13
	TZCNTQ    R13, AX
	ADDL      R8, AX
	MOVL      AX, (1*Field__size+Field_start)(DI)
	BLSRQ     R13, R13
	TZCNTQ    R13, AX
	ADDL      R8, AX
	MOVL      AX, (2*Field__size+Field_start)(DI)
	CMPQ      BX, $3
	JA        more
	SHLQ      $4, BX
	ADDQ      BX, DI

next:
	ADDQ $64, R8
	CMPQ R8, R10
	JB   block
	JMP  partial

more: // than three lines end in the block
	BLSRQ R13, R13
	ADDQ  $(3*Field__size), DI

tight: // R13 one by one, with a look at the room
	TESTQ R13, R13
	JZ    next
	CMPQ  DI, R12
	JAE   leave
	TZCNTQ R13, AX
	ADDL  R8, AX
	MOVL  AX, Field_start(DI)
	BLSRQ R13, R13
	ADDQ  $Field__size, DI
	JMP   tight

found: // four controls in a row
	TZCNTQ AX, CX
	LEAQ   -1(R8)(CX*1), R10   // the end of the head
	BZHIQ  CX, R13, R13        // lines that start behind it are none

rest:
	TESTQ R13, R13
	JZ    check
	CMPQ  DI, R12
	JAE   leave
	TZCNTQ R13, AX
	ADDL  R8, AX
	MOVL  AX, Field_start(DI)
	BLSRQ R13, R13
	ADDQ  $Field__size, DI
	JMP   rest

check:
	CMPQ R10, n+40(FP)
	JA   partial
	CMPL -4(SI)(R10*1), $0x0a0d0a0d
	JNE  leave
	MOVB $1, whole+104(FP)
	MOVQ R10, end+96(FP)
	JMP  fill

partial: // no end: as many lines as are there to their LF
	MOVQ n+40(FP), AX
	MOVQ next+64(FP), BX
	SHLQ $4, BX
	ADDQ R11, BX

back:
	CMPQ DI, BX
	JE   leave
	MOVL (Field_start-Field__size)(DI), R10
	SUBQ $Field__size, DI
	CMPQ R10, AX
	JA   back
	ADDQ $Field__size, DI
	MOVB $0, whole+104(FP)
	MOVQ R10, end+96(FP)

fill:
	SUBQ    R11, DI
	SHRQ    $4, DI
	LEAQ    -1(DI), R8             // count
	MOVQ    R8, count+88(FP)
	VMOVDQU tables_tokenLow(R14), Y8
	VMOVDQU tables_tokenHigh(R14), Y9
	VMOVDQU tables_nibble(R14), Y10
	VMOVDQU tables_space(R14), Y11
	VPXOR   Y12, Y12, Y12
	XORL    R12, R12              // errors
	CMPB    request+80(FP), $0
	JE      lines

	// The request line.
	VMOVDQU   (SI), Y2
	VPSRLW    $4, Y2, Y3
	VPAND     Y10, Y3, Y3
	VPSHUFB   Y2, Y8, Y4
	VPSHUFB   Y3, Y9, Y3
	VPAND     Y3, Y4, Y4
	VPCMPEQB  Y12, Y4, Y4
	VPMOVMSKB Y4, AX
	TZCNTL    AX, CX
	MOVQ      CX, method+112(FP)
	TESTL     CX, CX
	JZ        leave
	CMPB      (SI)(CX*1), $' '
	JNE       leave
	INCL      CX                       // the target's start
	MOVL      Field_start(R11), DX
	SUBQ      $(2+9), DX               // the target's end
	CMPQ      DX, CX                   // signed
	JLE       leave
	CMPB      (SI)(DX*1), $' '
	JNE       leave
	CMPW      9(SI)(DX*1), $0x0a0d
	JNE       leave
	MOVQ      $0x312e312f50545448, AX  // "HTTP/1.1", and 0 for the last 1 will do
	XORQ      1(SI)(DX*1), AX
	BTRQ      $56, AX
	MOVQ      AX, R12
	VMOVDQU   tables_hash(R14), Y0
	VMOVDQU   tables_question(R14), Y1
	MOVQ      DX, R13                  // the first "?"
	MOVL      $64, R15

target:
	VMOVDQU   (SI)(CX*1), Y2
	VMOVDQU   32(SI)(CX*1), Y3
	VPCMPEQB  Y11, Y2, Y4
	VPCMPEQB  Y11, Y3, Y5
	VPCMPEQB  Y0, Y2, Y6
	VPCMPEQB  Y0, Y3, Y7
	VPOR      Y6, Y4, Y4
	VPOR      Y7, Y5, Y5
	VPCMPEQB  Y1, Y2, Y2
	VPCMPEQB  Y1, Y3, Y3
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	VPMOVMSKB Y2, BX
	VPMOVMSKB Y3, R9
	SHLQ      $32, R9
	ORQ       R9, BX
	MOVQ      DX, R9
	SUBQ      CX, R9                   // how much of it is target
	CMPQ      R9, R15
	CMOVQGT   R15, R9
	BZHIQ     R9, AX, AX
	ORQ       AX, R12
	TZCNTQ    BX, BX
	LEAQ      (BX)(CX*1), BX
	CMOVQCS   DX, BX
	CMPQ      BX, R13
	CMOVQLT   BX, R13
	ADDQ      $64, CX
	CMPQ      CX, DX
	JLT       target
	TESTQ     R12, R12
	JNZ       leave
	MOVQ      R13, query+120(FP)

lines:
	// Stage 2: registers
	//	SI  buf               DI  the field         BX  its number     R8  count
	//	R9  the line's start  R10 seen              R11 twice          R12 errors
	//	R13 all masks         R14 the tables        R15 s
	MOVQ have+56(FP), BX
	MOVQ s+0(FP), R15
	MOVQ BX, DI
	SHLQ $4, DI
	ADDQ fields+24(FP), DI
	MOVQ section_seen(R15), R10
	MOVQ section_twice(R15), R11
	XORL R13, R13
	CMPQ BX, R8
	JAE  done
	MOVL Field_start(DI), R9

line:
	VMOVDQU   (SI)(R9*1), Y2
	VPSRLW    $4, Y2, Y3
	VPAND     Y10, Y3, Y3
	VPSHUFB   Y2, Y8, Y4
	VPSHUFB   Y3, Y9, Y3
	VPAND     Y3, Y4, Y4
	VPCMPEQB  Y12, Y4, Y4
	VPMOVMSKB Y4, AX                   // what is no token
	TZCNTL    AX, CX                   // the name's length, at most 32
	ORL       AX, R13
	BLSMSKL   AX, AX                   // the name and the byte behind it
	LEAQ      (R9)(CX*1), DX
	MOVL      DX, Field_colon(DI)
	MOVBLZX   (SI)(DX*1), R9
	XORL      $':', R9
	ORL       R9, R12
	MOVL      -4(SI)(DX*1), DX
	ORL       $const_spaces, DX
	LEAL      (DX)(CX*8), DX
	IMULL     $const_nameFactor, DX
	SHRL      $24, DX
	MOVBLZX   tables_slot(R14)(DX*1), DX
	MOVL      DX, CX
	SHLL      $5, CX
	VPOR      Y11, Y2, Y2
	VPCMPEQB  tables_row(R14)(CX*1), Y2, Y2
	VPMOVMSKB Y2, CX
	XORL      R9, R9
	ANDNL     AX, CX, CX
	CMOVLNE   R9, DX
	MOVL      DX, Field_name(DI)
	MOVW      BX, section_first(R15)(DX*2)
	MOVL      (Field__size+Field_start)(DI), R9
	MOVWLZX   -2(SI)(R9*1), CX
	XORL      $0x0a0d, CX
	ORL       CX, R12
	LEAL      -2(R9), CX
	MOVL      CX, Field_end(DI)
	MOVL      $1, AX
	SHLXQ     DX, AX, AX
	MOVQ      R10, CX
	ANDQ      AX, CX
	ORQ       CX, R11
	ORQ       AX, R10
	ADDQ      $Field__size, DI
	INCL      BX
	CMPL      BX, R8
	JB        line

done:
	ANDL $1, R13                       // a line without a name
	ORQ  R13, R12
	JNZ  leave
	MOVQ R10, section_seen(R15)
	MOVQ R11, section_twice(R15)
	XORL CX, CX
	MOVQ CX, host+128(FP)
	CMPB request+80(FP), $0
	JE   over
	BTQ  $const_nameHost, R10
	JCC  over

	// What of Host is a reg-name.
	MOVWLZX   (section_first+2*const_nameHost)(R15), AX
	SHLL      $4, AX
	ADDQ      fields+24(FP), AX
	MOVL      Field_colon(AX), AX
	INCL      AX
	CMPB      (SI)(AX*1), $' '
	SETEQ     CX
	ADDQ      CX, AX
	VMOVDQU   (SI)(AX*1), Y2
	VPSRLW    $4, Y2, Y3
	VPAND     Y10, Y3, Y3
	VMOVDQU   tables_hostLow(R14), Y4
	VPSHUFB   Y2, Y4, Y4
	VPSHUFB   Y3, Y9, Y3
	VPAND     Y3, Y4, Y4
	VPCMPEQB  Y12, Y4, Y4
	VPMOVMSKB Y4, AX
	TZCNTL    AX, AX
	MOVQ      AX, host+128(FP)

over:
	VZEROUPPER
	RET

leave:
	MOVQ $-1, AX
	MOVQ AX, count+88(FP)
	VZEROUPPER
	RET
