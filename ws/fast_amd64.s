//go:build !purego

// The two loops over payload, by AVX2: masks, and whether a text is UTF-8.

#include "go_asm.h"
#include "textflag.h"

// VEX encodings only: see parser/fast_amd64.s.

// func maskAVX2(p *byte, n int, key uint32)
TEXT ·maskAVX2(SB), NOSPLIT, $0-20
	MOVQ         p+0(FP), SI
	MOVQ         n+8(FP), CX
	MOVL         key+16(FP), AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	MOVQ         CX, DX
	ANDQ         $~127, DX
	JZ           few

many:
	VPXOR   0(SI), Y0, Y1
	VPXOR   32(SI), Y0, Y2
	VPXOR   64(SI), Y0, Y3
	VPXOR   96(SI), Y0, Y4
	VMOVDQU Y1, 0(SI)
	VMOVDQU Y2, 32(SI)
	VMOVDQU Y3, 64(SI)
	VMOVDQU Y4, 96(SI)
	ADDQ    $128, SI
	SUBQ    $128, DX
	JNZ     many

few:
	ANDQ $127, CX
	JZ   done

block:
	VPXOR   0(SI), Y0, Y1
	VMOVDQU Y1, 0(SI)
	ADDQ    $32, SI
	SUBQ    $32, CX
	JNZ     block

done:
	VZEROUPPER
	RET

// CHECK adds the errors of the 32 bytes in Y0 to Y15, with the bytes one, two and three places before
// them in Y1, Y2 and Y3. A pair of bytes is looked up by three halves of its two bytes, and what all
// three sets have in common is wrong. Two continuation bytes are found as an error too, in bit 7: they
// are none just where a lead byte of three or four stands two or three places before, and there only
// they may not be missing. So one XOR compares what is with what has to be.
#define CHECK \
	VPSRLW   $4, Y1, Y4   \
	VPAND    Y11, Y4, Y4  \
	VPSHUFB  Y4, Y8, Y4   \
	VPAND    Y11, Y1, Y5  \
	VPSHUFB  Y5, Y9, Y5   \
	VPSRLW   $4, Y0, Y6   \
	VPAND    Y11, Y6, Y6  \
	VPSHUFB  Y6, Y10, Y6  \
	VPAND    Y4, Y5, Y5   \
	VPAND    Y5, Y6, Y6   \
	VPSUBUSB Y12, Y2, Y2  \
	VPSUBUSB Y13, Y3, Y3  \
	VPOR     Y2, Y3, Y3   \
	VPAND    Y14, Y3, Y3  \
	VPXOR    Y6, Y3, Y3   \
	VPOR     Y3, Y15, Y15

// BLOCK is CHECK for the bytes at off. Three more loads cost less than the permutations that would
// make the same of registers.
#define BLOCK(off) \
	VMOVDQU off(SI), Y0     \
	VMOVDQU (off-1)(SI), Y1 \
	VMOVDQU (off-2)(SI), Y2 \
	VMOVDQU (off-3)(SI), Y3 \
	CHECK

// func utf8AVX2(p *byte, n int, t *utf8Table) bool
TEXT ·utf8AVX2(SB), NOSPLIT, $0-25
	MOVQ    p+0(FP), SI
	MOVQ    n+8(FP), CX
	MOVQ    t+16(FP), DX
	VMOVDQU utf8Table_firstHigh(DX), Y8
	VMOVDQU utf8Table_firstLow(DX), Y9
	VMOVDQU utf8Table_secondHigh(DX), Y10
	VMOVDQU utf8Table_nibble(DX), Y11
	VMOVDQU utf8Table_three(DX), Y12
	VMOVDQU utf8Table_four(DX), Y13
	VMOVDQU utf8Table_top(DX), Y14
	VPXOR   Y15, Y15, Y15

	// The first block has zeros before it.
	VMOVDQU    0(SI), Y0
	VPERM2I128 $0x08, Y0, Y0, Y7
	VPALIGNR   $15, Y7, Y0, Y1
	VPALIGNR   $14, Y7, Y0, Y2
	VPALIGNR   $13, Y7, Y0, Y3
	CHECK

	// R8 the end, R9 the last place where 64 bytes can begin.
	LEAQ (SI)(CX*1), R8
	LEAQ -64(R8), R9
	ADDQ $32, SI

loop:
	CMPQ SI, R9
	JA   rest

	// ASCII, and nothing but that in the three bytes before: there is nothing to check.
	VMOVDQU   -3(SI), Y0
	VPOR      29(SI), Y0, Y0
	VPOR      32(SI), Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JZ        next
	BLOCK(0)
	BLOCK(32)

next:
	ADDQ $64, SI
	JMP  loop

	// What is left, up to 63 bytes, is two blocks that may overlap those before: they see the same again.
rest:
	LEAQ -32(R8), R9
	CMPQ SI, R9
	JA   end
	BLOCK(0)

end:
	MOVQ      R9, SI
	BLOCK(0)
	VPTEST    Y15, Y15
	SETEQ     ret+24(FP)
	VZEROUPPER
	RET
