// The end of headAVX2 for a request: what follows from a whole head for Host and the connection. It leaves for all
// where the caller has to find out.
//
//	SI  buf        BX  *[]Field     R10 names seen     R12 names seen twice
//	R14 the tables R15 s

	// Where the head is whole, host and KeepAlive, if the fields that decide are there once and simple.
	// Host is simple if its value is of up to 32 bytes, after one SP: a reg-name without "%", then
	// perhaps ":" and up to four digits, or five that are under 60000.
	//
	// Most requests have Host as their first field. Since this is a branch, as is the SP, the processor guesses it and
	// begins here while it is still at the names. What it would have to wait for, section.first and the colon's place,
	// comes late: that is worth a tenth of the time of TechEmpower's head.
	MOVQ     0(BX), R11                // the fields
	TESTQ    $(1<<const_nameHost|1<<const_nameConnection), R12
	JNZ      all
	BTQ      $const_nameHost, R10
	JCC      all
	LEAQ     -Head_section(R15), R15
	MOVQ     R11, BX
	MOVL     Field_name(BX), AX
	CMPL     AX, $const_nameHost
	JNE      lookup

value:
	MOVL     Field_next(BX), CX
	MOVL     Field_start(BX), BX
	MOVBLZX  5(SI)(BX*1), AX           // after "Host:"
	CMPL     AX, $' '
	JNE      all
	ADDL     $6, BX
	SUBL     $2, CX
	SUBL     BX, CX                    // its length
	CMPL     CX, $const_fastHost
	JA       connection                // the caller looks at it
	VMOVDQU  (SI)(BX*1), Y2
	VMOVDQU  tables_hostLow(R14), Y8
	VMOVDQU  tables_hostHigh(R14), Y9
	CLASSIFY(Y8, Y9, AX)
	VPSLLW   $7, Y3, Y3                // bit 0 is the mark of digits
	VPMOVMSKB Y3, DX
	BTSQ     CX, AX
	TZCNTQ   AX, DI                    // the reg-name's length; it ends at R8
	JZ       all
	LEAQ     (DI)(BX*1), R8
	NOTL     DX
	BZHIL    CX, DX, DX                // what is no digit,
	SHRXQ    DI, DX, DX                // from there on: nothing, or just one byte
	CMPQ     DX, $1
	JA       all
	MOVBLZX  (SI)(R8*1), AX
	XORL     $':', AX
	NEGL     DX
	TESTL    DX, AX                    // which is a colon
	JNZ      all
	MOVL     CX, AX
	SUBL     DI, AX
	CMPL     AX, $6
	JA       all
	JB       connection
	CMPB     1(SI)(R8*1), $'6'         // of five digits: 65535 is the last port
	JAE      all

connection:
	// Connection is simple if it is keep-alive or close, read as words so that there is no branch on
	// which it is.
	MOVBLZX  Head_Minor(R15), AX
	BTQ      $const_nameConnection, R10
	JCC      decided
	MOVWLZX  (Head_section+section_first+2*const_nameConnection)(R15), DI
	SHLL     $4, DI
	ADDQ     R11, DI
	CMPL     Field_name(DI), $const_nameConnection
	JNE      all
	MOVL     Field_next(DI), R8
	MOVL     Field_colon(DI), DI
	MOVBLZX  1(SI)(DI*1), DX
	CMPL     DX, $' '
	JNE      all
	SUBL     $2, R8
	ADDL     $2, DI
	MOVQ     $(const_spaces<<32|const_spaces), R9
	ORQ      (SI)(DI*1), R9             // its first eight bytes,
	MOVL     -4(SI)(R8*1), DX
	ORL      $const_spaces, DX          // its last four,
	SUBL     DI, R8                     // and its length
	MOVQ     $0x696c612d7065656b, R12   // keep-ali
	XORQ     R9, R12
	MOVL     DX, R13
	XORL     $0x6576696c, R13           // live
	ORQ      R13, R12
	LEAL     -10(R8), R13
	ORQ      R13, R12                   // 0: it is keep-alive
	XORL     $0x736f6c63, R9            // clos
	XORL     $0x65736f6c, DX            // lose
	ORL      DX, R9
	SUBL     $5, R8
	ORL      R8, R9                     // 0: it is close
	CMPQ     R12, $1
	SBBL     R12, R12
	CMPL     R9, $1
	SBBL     R9, R9
	MOVL     R12, R13
	ORL      R9, R13
	JZ       all                       // it is something else
	ANDL     $1, R12
	ORL      R12, AX
	ANDNL    AX, R9, AX

decided: // What is left to the caller, one bit for each: a long Host, fields that frame, another form of target.
	XORL     DX, DX
	MOVB     AX, Head_KeepAlive(R15)
	MOVL     BX, (Request_Host+Span_Off)(R15)
	MOVL     CX, (Request_Host+Span_Len)(R15)
	MOVL     (Request_Target+Span_Off)(R15), AX
	CMPB     (SI)(AX*1), $'/'
	JNE      all
	CMPB     (SI), $'C'               // CONNECT has no origin-form
	JE       all
	TESTL    $(1<<const_nameContentLength|1<<const_nameTransferEncoding|1<<const_nameUpgrade|1<<const_nameExpect), R10
	JNE      framing
	CMPL     CX, $const_fastHost
	JA       host

left:
	MOVQ     DX, left+48(FP)
	VZEROUPPER
	RET

framing:
	MOVL     $const_leftFraming, DX
	CMPL     CX, $const_fastHost
	JBE      left

host:
	ORL      $const_leftHost, DX
	JMP      left

lookup:
	MOVWLZX  (Head_section+section_first+2*const_nameHost)(R15), BX
	SHLL     $4, BX
	ADDQ     R11, BX
	CMPL     Field_name(BX), $const_nameHost  // first counts modulo 65536
	JNE      all
	JMP      value
