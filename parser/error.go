// Errors: each reason to refuse a message, and the status to answer it with.

package parser

// An Error says why a message was refused; ErrTrailer alone does not. Errors are sticky: the value
// that returned one returns it again until Reset. The offset of the byte that was refused is kept
// beside it, see Head.ErrorOffset and Body.Offset.
type Error uint8

// The reasons for which a message is refused. Each has the status that a server answers with.
const (
	_ Error = iota

	ErrMethod      // RFC 9110 9.1: the method is not a token
	ErrMethodLong  // RFC 9112 3: a method longer than any that is known
	ErrTarget      // RFC 9112 3.2, RFC 3986: a byte that no target may hold
	ErrTargetForm  // RFC 9112 3.2: not a form of target that this method has
	ErrTargetLong  // RFC 9112 3: the head reached its limit within the first line
	ErrVersion     // RFC 9112 2.3: not HTTP-version
	ErrMajor       // RFC 9110 15.6.6: a major version other than 1
	ErrStatus      // RFC 9112 4: a status-code is three digits, 100 or more, after one space
	ErrLineEnd     // RFC 9112 2.2: a bare CR or a bare LF
	ErrEmptyLines  // RFC 9112 2.2: more empty lines before a message than are skipped
	ErrFold        // RFC 9112 5.2: a field line that begins with whitespace
	ErrName        // RFC 9110 5.1: a field name is a token and a colon follows at once
	ErrValue       // RFC 9110 5.5: a control character in a value
	ErrFields      // RFC 9110 5.4: more fields than there is room for
	ErrHeadLarge   // RFC 9110 5.4: the head reached its limit within the fields
	ErrHostMissing // RFC 9112 3.2: a 1.1 request without Host
	ErrHostTwice   // RFC 9112 3.2: more than one Host line
	ErrHost        // RFC 9112 3.2: Host is not uri-host [":" port]
	ErrLength      // RFC 9112 6.3: Content-Length is not 1*DIGIT, or overflows
	ErrLengthTwice // RFC 9112 6.3: more than one Content-Length line
	ErrBothFraming // RFC 9112 6.1: Transfer-Encoding and Content-Length together
	ErrCodingMinor // RFC 9112 6.1: Transfer-Encoding in HTTP/1.0
	ErrCoding      // RFC 9112 6.3, 7.1: chunked is not the last coding, comes twice, or has parameters
	ErrCodingOther // RFC 9112 6.1: a transfer coding other than chunked

	ErrChunkSize     // RFC 9112 7.1: a chunk-size is 1*HEXDIG, and fits an int64
	ErrChunkExt      // RFC 9112 7.1.1: malformed chunk extension
	ErrChunkEnd      // RFC 9112 7.1: a chunk's line or data does not end in CRLF
	ErrChunkOverhead // RFC 9112 7.1.1: too many bytes of framing for the bytes of content
	ErrTrailerLarge  // RFC 9110 6.5: the trailer section reached its limit

	// ErrTrailer is what Body.Next returns in place of io.EOF after Body.KeepTrailer: the content is
	// over, and the trailer section comes next. Nothing is wrong.
	ErrTrailer

	numErrors
)

var errorText = [numErrors]struct {
	status int16
	text   string
}{
	0:              {400, "no error"},
	ErrMethod:      {400, "malformed method"},
	ErrMethodLong:  {501, "method too long"},
	ErrTarget:      {400, "invalid character in request target"},
	ErrTargetForm:  {400, "request target is malformed or not allowed with this method"},
	ErrTargetLong:  {414, "request line too long"},
	ErrVersion:     {400, "malformed or missing HTTP version"},
	ErrMajor:       {505, "HTTP version not supported"},
	ErrStatus:      {400, "malformed status line"},
	ErrLineEnd:     {400, "line does not end in CRLF"},
	ErrEmptyLines:  {400, "too many empty lines before the message"},
	ErrFold:        {400, "field line begins with whitespace"},
	ErrName:        {400, "malformed field name"},
	ErrValue:       {400, "invalid character in field value"},
	ErrFields:      {431, "too many fields"},
	ErrHeadLarge:   {431, "message head too large"},
	ErrHostMissing: {400, "missing Host"},
	ErrHostTwice:   {400, "more than one Host"},
	ErrHost:        {400, "malformed Host"},
	ErrLength:      {400, "malformed Content-Length"},
	ErrLengthTwice: {400, "more than one Content-Length"},
	ErrBothFraming: {400, "both Transfer-Encoding and Content-Length"},
	ErrCodingMinor: {400, "Transfer-Encoding in HTTP/1.0"},
	ErrCoding:      {400, "Transfer-Encoding is not exactly one final chunked"},
	ErrCodingOther: {501, "transfer coding not supported"},

	ErrChunkSize:     {400, "malformed chunk size"},
	ErrChunkExt:      {400, "malformed chunk extension"},
	ErrChunkEnd:      {400, "chunk does not end in CRLF"},
	ErrChunkOverhead: {413, "chunk framing out of proportion to its content"},
	ErrTrailerLarge:  {431, "trailer section too large"},
	ErrTrailer:       {400, "the trailer section follows"},
}

// Error returns what was wrong, in words that may be sent to the peer.
func (e Error) Error() string {
	if e >= numErrors {
		return "parser: unknown error"
	}
	return "parser: " + errorText[e].text
}

// Reason returns what Error does but for the package's name, fit for the body of an answer.
func (e Error) Reason() string {
	if e >= numErrors {
		return "unknown error"
	}
	return errorText[e].text
}

// Status returns the status code that a server owes for this error: 400, 413, 414,
// 431, 501 or 505; 400 also where e is no reason to refuse. A gateway that met e in a response owes 502.
func (e Error) Status() int {
	if e >= numErrors {
		return 400
	}
	return int(errorText[e].status)
}
