// http-parser, node's before llhttp: callbacks, here the least that tells the fields.
#include <http_parser.h>
#include "driver.h"

static size_t seen;
static int data(http_parser *p, const char *at, size_t len) { (void)p; (void)at; seen += len; return 0; }

static const char *parse(const char *p, size_t len) {
	static const http_parser_settings cb = { .on_url = data, .on_header_field = data, .on_header_value = data };
	http_parser hp;
	http_parser_init(&hp, HTTP_REQUEST);
	return http_parser_execute(&hp, &cb, p, len) == len ? NULL : http_errno_name(HTTP_PARSER_ERRNO(&hp));
}

int main(int argc, char **argv) {
	static const struct parser ps[] = { { "http-parser (C)", parse } };
	return serve(ps, 1, argc, argv);
}
