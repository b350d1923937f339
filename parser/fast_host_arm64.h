// The end of headNEON for a request: what follows from a whole head for Host and the connection. It leaves for all
// where the caller has to find out.
//
//	R0  buf       R10 names seen     R11 names seen twice
//	R19 s         R20 fields         R17 the tables

	// Where the head is whole, host and KeepAlive, if the fields that decide are there once and simple.
	// Host is simple if its value is of up to 32 bytes, after one SP: a reg-name without "%", then
	// perhaps ":" and up to four digits, or five that are under 60000.
	MOVD  $(1<<const_nameHost|1<<const_nameConnection), R8
	TST   R8, R11
	BNE   all
	TBZ   $const_nameHost, R10, all
	ADD   $(Request_Method - Head_section), R19, R3
	MOVHU (section_first+2*const_nameHost)(R19), R5
	ADD   R5<<4, R20, R5
	LDPW  Field_colon(R5), (R6, R7)
	MOVWU Field_name(R5), R8
	CMPW  $const_nameHost, R8             // first counts modulo 65536
	BNE   all
	ADD   R0, R6, R8
	MOVBU 1(R8), R9
	CMPW  $' ', R9
	BNE   all
	ADD   $2, R6                          // the value,
	SUB   R6, R7
	SUB   $2, R7                          // and its length
	CMP   $const_fastHost, R7
	BHI   connection                      // the caller looks at it
	ADD   $2, R8
	ADD   $tables_hostLow, R17, R9
	VLD1  (R9), [V18.B16, V19.B16]
	VLD2  (R8), [V0.B16, V1.B16]
	CLASSIFY(V0, V18, V19, V4, V2)
	CLASSIFY(V1, V18, V19, V4, V3)
	PAIRS(R9)
	MVN   R9, R9
	RBIT  R9, R9
	CLZ   R9, R9
	LSR   $1, R9                          // the reg-name's length: CR ends it, if nothing else does
	CBZ   R9, all
	CMP   R7, R9
	BEQ   connection
	ADD   R9, R8
	MOVBU (R8), R12
	CMPW  $':', R12
	BNE   all
	SUB   R9, R7, R9
	SUB   $1, R9                          // the port's length
	CMP   $5, R9
	BHI   all
	MOVD  1(R8), R12                      // of a digit the upper half is 3, and is so still if 6 is added
	MOVD  $0x0606060606060606, R13
	ADD   R12, R13
	EOR   $0x3030303030303030, R12
	EOR   $0x3030303030303030, R13
	ORR   R13, R12
	AND   $0xf0f0f0f0f0f0f0f0, R12
	RBIT  R12, R12
	CLZ   R12, R12
	LSR   $3, R12                         // how many there are: as above, CR ends them
	CMP   R9, R12
	BNE   all
	CMP   $5, R9
	BLO   connection
	MOVBU 1(R8), R12
	CMPW  $'6', R12                       // of five digits: 65535 is the last port
	BHS   all

connection:
	// Connection is simple if it is keep-alive or close, read as words so that there is no branch on
	// which it is.
	MOVBU (Head_Minor - Request_Method)(R3), R9
	TBZ   $const_nameConnection, R10, decided
	MOVHU (section_first+2*const_nameConnection)(R19), R5
	ADD   R5<<4, R20, R5
	LDPW  Field_colon(R5), (R8, R12)
	MOVWU Field_name(R5), R2
	CMPW  $const_nameConnection, R2
	BNE   all
	ADD   R0, R8, R13
	MOVBU 1(R13), R2
	CMPW  $' ', R2
	BNE   all
	ADD   R0, R12, R5
	SUB   R8, R12                         // its length, and four for ":", SP and CRLF
	MOVD  2(R13), R13                     // its first eight bytes,
	MOVWU -6(R5), R5                      // and its last four
	ORR   $(const_spaces<<32|const_spaces), R13
	ORRW  $const_spaces, R5
	MOVD  $0x696c612d7065656b, R8         // keep-ali
	MOVW  $0x6576696c, R2                 // live
	CMP   R8, R13
	CCMP  EQ, R5, R2, $0
	CCMP  EQ, R12, $14, $0
	CSET  EQ, R8
	MOVW  $0x736f6c63, R2                 // clos
	CMPW  R2, R13
	MOVW  $0x65736f6c, R2                 // lose
	CCMP  EQ, R5, R2, $0
	CCMP  EQ, R12, $9, $0
	CSET  EQ, R2
	ORR   R8, R2, R5
	CBZ   R5, all                         // it is something else
	ORR   R8, R9
	BIC   R2, R9

decided: // What is left to the caller, one bit for each: a long Host, fields that frame, another form of target.
	MOVB  R9, (Head_KeepAlive - Request_Method)(R3)
	STPW  (R6, R7), (Request_Host - Request_Method)(R3)
	MOVWU (Request_Target - Request_Method)(R3), R8
	MOVBU (R0)(R8), R8
	CMPW  $'/', R8
	BNE   all
	MOVBU (R0), R8
	CMPW  $'C', R8                        // CONNECT has no origin-form
	BEQ   all
	MOVD  $(1<<const_nameContentLength|1<<const_nameTransferEncoding|1<<const_nameUpgrade|1<<const_nameExpect), R8
	TST   R8, R10
	CSET  NE, R8
	CMP   $const_fastHost, R7
	CSET  HI, R9
	ORR   R8<<1, R9                       // leftFraming and leftHost
	MOVD  R9, left+48(FP)
	RET
