package parser

// stricter is where the reading differs from what a record expects: the record's dialect is looser
// than RFC 9112, and this is the rule that refuses it. The records that share a rule stand together.
var stricter = map[string]error{
	// RFC 9110 9.1: the method is not a token
	"httparse: request: test_request_empty_lines_prefix_lf_only": ErrMethod,
	"httparse: request: test_request_path_backslash":             ErrMethod,

	// RFC 9112 3.2, RFC 3986: a byte that no target may hold
	"llhttp: request/uri: Quotes in URI":        ErrTarget, // '"'
	"picohttpparser: request: accept MSB chars": ErrTarget, // 80-FF, in the target
	"httparse: request: test_utf8_in_path_ok":   ErrTarget, // 80-FF
	"httparse: request: urltest_nvidia":         ErrTarget, // '"'
	"llhttp: request/transfer-encoding: POST with `Transfer-Encoding` and `Content-Length` (lenient) [lenient-chunked-length]":     ErrTarget,
	"llhttp: request/transfer-encoding: POST with `chunked` before other transfer-coding (lenient) [lenient-transfer-encoding]":    ErrTarget,
	"llhttp: request/transfer-encoding: POST with `chunked` and duplicate transfer-encoding (lenient) [lenient-transfer-encoding]": ErrTarget,
	"llhttp: request/transfer-encoding: POST with `chunked` as last transfer-encoding":                                             ErrTarget,
	"llhttp: request/transfer-encoding: POST with `chunked` as last transfer-encoding (multiple headers)":                          ErrTarget,
	"llhttp: request/uri: Fragment in URI":                                                                                    ErrTarget,
	"picohttpparser: request: accept multiple spaces between tokens":                                                          ErrTarget,
	"httparse: request: test_allow_request_with_multiple_space_delimiters [allow_multiple_spaces_in_request_line_delimiters]": ErrTarget,

	// RFC 9112 3.2: not a form of target that this method has
	"llhttp: request/method: M-SEARCH request":        ErrTargetForm,
	"llhttp: request/method: PRI request HTTP2":       ErrTargetForm,
	"llhttp: request/uri: `host:port` and basic auth": ErrTargetForm,
	"httparse: request: urltest_056":                  ErrTargetForm,
	"httparse: request: urltest_057":                  ErrTargetForm,
	"httparse: request: urltest_058":                  ErrTargetForm,
	"httparse: request: urltest_059":                  ErrTargetForm,
	"httparse: request: urltest_060":                  ErrTargetForm,
	"httparse: request: urltest_066":                  ErrTargetForm,
	"httparse: request: urltest_067":                  ErrTargetForm,
	"httparse: request: urltest_119":                  ErrTargetForm,
	"httparse: request: urltest_129":                  ErrTargetForm,
	"httparse: request: urltest_130":                  ErrTargetForm,
	"httparse: request: urltest_131":                  ErrTargetForm,
	"httparse: request: urltest_132":                  ErrTargetForm,
	"httparse: request: urltest_133":                  ErrTargetForm,
	"httparse: request: urltest_145":                  ErrTargetForm,
	"httparse: request: urltest_146":                  ErrTargetForm,
	"httparse: request: urltest_147":                  ErrTargetForm,
	"httparse: request: urltest_148":                  ErrTargetForm,
	"httparse: request: urltest_149":                  ErrTargetForm,
	"httparse: request: urltest_168":                  ErrTargetForm,
	"httparse: request: urltest_169":                  ErrTargetForm,
	"httparse: request: urltest_174":                  ErrTargetForm,
	"httparse: request: urltest_175":                  ErrTargetForm,
	"httparse: request: urltest_176":                  ErrTargetForm,
	"httparse: request: urltest_177":                  ErrTargetForm,
	"httparse: request: urltest_231":                  ErrTargetForm,
	"httparse: request: urltest_232":                  ErrTargetForm,
	"httparse: request: urltest_244":                  ErrTargetForm,
	"httparse: request: urltest_245":                  ErrTargetForm,
	"httparse: request: urltest_248":                  ErrTargetForm,

	// RFC 9112 2.3: not HTTP-version
	"llhttp: request/method: SOURCE request with ICE":              ErrVersion,
	"llhttp: request/method: OPTIONS request with RTSP":            ErrVersion,
	"llhttp: request/method: ANNOUNCE request with RTSP":           ErrVersion,
	"llhttp: request/sample: No HTTP version":                      ErrVersion,
	"llhttp: response/connection: HTTP 304 with Content-Length":    ErrVersion,
	"llhttp: response/connection: HTTP 100 first, then 400":        ErrVersion,
	"llhttp: response/pipelining: Should parse multiple events":    ErrVersion,
	"llhttp: response/sample: RTSP response":                       ErrVersion,
	"llhttp: response/sample: ICE response":                        ErrVersion,
	"llhttp: response/sample: Response starting with CRLF":         ErrVersion,
	"httparse: response: test_response_empty_lines_prefix_lf_only": ErrVersion,

	// RFC 9110 15.6.6: a major version other than 1
	"llhttp: request/lenient-version: Invalid HTTP version (lenient) [lenient-version]":  ErrMajor,
	"llhttp: response/lenient-version: Invalid HTTP version (lenient) [lenient-version]": ErrMajor,
	"llhttp: response/sample: HTTP version 0.9":                                          ErrMajor,

	// RFC 9112 4: a status-code is three digits, 100 or more, after one space
	"picohttpparser: response: accept multiple spaces between tokens":                                                              ErrStatus,
	"httparse: response: test_response_no_cr":                                                                                      ErrStatus,
	"httparse: response: test_allow_response_with_multiple_space_delimiters [allow_multiple_spaces_in_response_status_delimiters]": ErrStatus,

	// RFC 9112 2.2: a bare CR or a bare LF
	"llhttp: request/content-length: Missing CRLF-CRLF before body (lenient) [lenient-optional-lf-after-cr]": ErrLineEnd,
	"llhttp: request/invalid: Only LFs present (lenient) [lenient-all]":                                      ErrLineEnd,
	"llhttp: request/lenient-headers: Empty headers separated by CR (lenient) [lenient-headers]":             ErrLineEnd,
	"llhttp: request/sample: No LF after CR (lenient) [lenient-optional-lf-after-cr]":                        ErrLineEnd,
	"llhttp: response/invalid: Bare CR after response line (lenient) [lenient-optional-lf-after-cr]":         ErrLineEnd,
	"llhttp: response/invalid: Only LFs present and no body (lenient) [lenient-all]":                         ErrLineEnd,
	"llhttp: response/invalid: Only LFs present (lenient) [lenient-all]":                                     ErrLineEnd,
	"llhttp: response/sample: No carriage ret (lenient) [lenient-optional-cr-before-lf]":                     ErrLineEnd,
	"picohttpparser: response: incomplete 11":                                                                ErrLineEnd,
	"picohttpparser: chunked body: 6|hello |5|world|0|a: b!c: d!!":                                           ErrLineEnd,
	"httparse: request: test_request_newlines":                                                               ErrLineEnd,
	"httparse: response: test_response_newlines":                                                             ErrLineEnd,

	// RFC 9112 5.2: a field line that begins with whitespace
	"llhttp: request/connection: Multiple tokens with folding [lenient-headers]":                                                         ErrFold,
	"llhttp: request/connection: Multiple tokens with folding, LWS, and CRLF [lenient-headers]":                                          ErrFold,
	"llhttp: request/invalid: Spaces before headers (lenient) [lenient-headers]":                                                         ErrFold,
	"llhttp: request/sample: Line folding in header value with CRLF [lenient-headers]":                                                   ErrFold,
	"llhttp: request/sample: X-SSL-Nonsense [lenient-headers]":                                                                           ErrFold,
	"llhttp: response/transfer-encoding: Invalid OBS fold after chunked value [lenient-headers]":                                         ErrFold,
	"picohttpparser: request: parse multiline":                                                                                           ErrFold,
	"picohttpparser: response: parse multiline":                                                                                          ErrFold,
	"httparse: response: test_allow_response_with_obsolete_line_folding_at_start [allow_obsolete_multiline_headers_in_responses]":        ErrFold,
	"httparse: response: test_allow_response_with_obsolete_line_folding_at_end [allow_obsolete_multiline_headers_in_responses]":          ErrFold,
	"httparse: response: test_allow_response_with_obsolete_line_folding_in_middle [allow_obsolete_multiline_headers_in_responses]":       ErrFold,
	"httparse: response: test_allow_response_with_obsolete_line_folding_in_empty_header [allow_obsolete_multiline_headers_in_responses]": ErrFold,
	"httparse: response: test_allow_response_response_with_space_before_first_header [allow_space_before_first_header_name]":             ErrFold,

	// RFC 9110 5.1: a field name is a token and a colon follows at once
	"llhttp: request/connection: Invalid whitespace token with `Connection` header field (lenient) [lenient-headers]":                     ErrName,
	"llhttp: request/content-length: Invalid whitespace token with `Content-Length` header field (lenient) [lenient-headers]":             ErrName,
	"picohttpparser: chunked body: b|hello world|0|!":                                                                                     ErrName,
	"httparse: response: test_allow_response_with_whitespace_between_header_name_and_colon [allow_spaces_after_header_name_in_responses]": ErrName,
	"httparse: response: test_ignore_header_line_with_whitespaces_after_header_name_in_response [ignore_invalid_headers_in_responses]":    ErrName,
	"httparse: request: test_ignore_header_line_with_whitespaces_after_header_name_in_request [ignore_invalid_headers_in_requests]":       ErrName,
	"httparse: response: test_response_with_empty_header_name#2 [ignore_invalid_headers_in_responses]":                                    ErrName,
	"httparse: request: test_request_with_empty_header_name#2 [ignore_invalid_headers_in_requests]":                                       ErrName,
	"httparse: response: test_response_with_invalid_char_between_header_name_and_colon#2 [ignore_invalid_headers_in_responses]":           ErrName,
	"httparse: request: test_request_with_invalid_char_between_header_name_and_colon#2 [ignore_invalid_headers_in_requests]":              ErrName,
	"httparse: response: test_ignore_header_line_with_missing_colon_in_response#2 [ignore_invalid_headers_in_responses]":                  ErrName,
	"httparse: request: test_ignore_header_line_with_missing_colon_in_request#2 [ignore_invalid_headers_in_requests]":                     ErrName,
	"httparse: response: test_response_header_with_missing_colon_with_folding#2 [ignore_invalid_headers_in_responses]":                    ErrName,
	"httparse: request: test_request_header_with_missing_colon_with_folding#2 [ignore_invalid_headers_in_requests]":                       ErrName,

	// RFC 9110 5.5: a control character in a value
	"llhttp: request/lenient-header-value-relaxed: Control char in header value (relaxed) [lenient-header-value-relaxed]": ErrValue,
	"llhttp: request/lenient-headers: Header value (lenient) [lenient-headers]":                                           ErrValue,
	"llhttp: request/lenient-headers: Second request header value (lenient) [lenient-headers]":                            ErrValue,
	"httparse: response: test_header_with_invalid_char_in_value#2 [ignore_invalid_headers_in_responses]":                  ErrValue,
	"httparse: request: test_header_with_invalid_char_in_value#2 [ignore_invalid_headers_in_requests]":                    ErrValue,
	"httparse: response: test_header_with_invalid_char_in_value_with_folding#2 [ignore_invalid_headers_in_responses]":     ErrValue,
	"httparse: request: test_header_with_invalid_char_in_value_with_folding#2 [ignore_invalid_headers_in_requests]":       ErrValue,

	// RFC 9112 6.1: Transfer-Encoding and Content-Length together
	"llhttp: request/content-length: No error on simultaneous `Content-Length` and `Transfer-Encoding: identity` (lenient) [lenient-chunked-length]": ErrBothFraming,

	// RFC 9112 6.3, 7.1: chunked is not the last coding, comes twice, or has parameters
	"llhttp: response/transfer-encoding: `chunked` before other transfer-encoding":                     ErrCoding,
	"llhttp: response/transfer-encoding: multiple transfer-encoding where chunked is not the last one": ErrCoding,

	// RFC 9112 6.1: a transfer coding other than chunked
	"llhttp: response/transfer-encoding: `chunkedchunked` transfer-encoding does not enable chunked enconding": ErrCodingOther,

	// RFC 9112 7.1: a chunk-size is 1*HEXDIG, and fits an int64
	"picohttpparser: chunked failure: 6|hello |ffffffffffffffff|abcdefg": ErrChunkSize,
	"httparse: chunk-size: ffffffffffffffff\\r\\n":                       ErrChunkSize,

	// RFC 9112 7.1.1: malformed chunk extension
	"llhttp: request/transfer-encoding: Space after chunk header (lenient) [lenient-spaces-after-chunk-size]": ErrChunkExt,
	"httparse: chunk-size: 3735AB1;foo bar*\\r\\n":                                                            ErrChunkExt,
	"httparse: chunk-size: 3735ab1 ; baz \\r\\n":                                                              ErrChunkExt,

	// RFC 9112 7.1: a chunk's line or data does not end in CRLF
	"llhttp: request/transfer-encoding: Chunk header not terminated by CRLF (lenient) [lenient-optional-lf-after-cr]":    ErrChunkEnd,
	"llhttp: request/transfer-encoding: Chunk data not terminated by CRLF (lenient) [lenient-optional-crlf-after-chunk]": ErrChunkEnd,

	// RFC 9112 7.1.1: too many bytes of framing for the bytes of content

	// Taken here: see the comments of the entries
	"llhttp: request/invalid: HTTP protocol and ANNOUNCE method": errLooser, // any token is a method (RFC 9110 9.1)
	"llhttp: request/invalid: Invalid method":                    errLooser, // any token is a method (RFC 9110 9.1)

	// RFC 9112 9.6: the record reads on after a close
	"llhttp: request/connection: Resetting flags when keep-alive is off (1.0, lenient) [lenient-keep-alive]": errAfterClose,
	"llhttp: response/connection: Proxy-Connection":                                                          errLooser, // Proxy-Connection is not a field of HTTP
	"httparse: response: test_response_reason_with_obsolete_text_byte":                                       errLooser, // obs-text in a reason is kept (RFC 9112 4)
}
