// picohttpparser, as it is inside libh2o-evloop; its header is not packaged, so that its one function is
// declared here.
#include "driver.h"

struct phr_header { const char *name; size_t name_len; const char *value; size_t value_len; };
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers, size_t last_len);

static const char *parse(const char *p, size_t len) {
	const char *method, *path;
	size_t method_len, path_len, n = 64;
	int minor;
	struct phr_header h[64];
	return phr_parse_request(p, len, &method, &method_len, &path, &path_len, &minor, h, &n, 0) == (int)len ? NULL : "refused";
}

int main(int argc, char **argv) {
	static const struct parser ps[] = { { "picohttpparser (C)", parse } };
	return serve(ps, 1, argc, argv);
}
