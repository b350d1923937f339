// llhttp, node's: callbacks, here the least that tells the fields.
#include <llhttp.h>
#include "driver.h"

static size_t seen;
static int data(llhttp_t *p, const char *at, size_t len) { (void)p; (void)at; seen += len; return 0; }

static const char *parse(const char *p, size_t len) {
	static llhttp_settings_t cb = { .on_url = data, .on_header_field = data, .on_header_value = data };
	llhttp_t hp;
	llhttp_init(&hp, HTTP_REQUEST, &cb);
	llhttp_errno_t err = llhttp_execute(&hp, p, len);
	return err == HPE_OK ? NULL : llhttp_errno_name(err);
}

int main(int argc, char **argv) {
	static const struct parser ps[] = { { "llhttp (C)", parse } };
	return serve(ps, 1, argc, argv);
}
