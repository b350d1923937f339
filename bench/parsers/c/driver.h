// What the C programs share: the protocol of parsers/heads/serve.go. A program defines its parsers and
// calls serve(); parse() returns 0, or what went wrong.
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct head { const char *p; size_t len; };
struct set { struct head *heads; uint32_t n; };
struct parser { const char *name; const char *(*parse)(const char *p, size_t len); };

static uint32_t number(FILE *f) {
	unsigned char b[4];
	if (fread(b, 1, 4, f) != 4) { fprintf(stderr, "a set is cut off\n"); exit(1); }
	return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static struct set load(const char *file) {
	FILE *f = fopen(file, "rb");
	if (!f) { perror(file); exit(1); }
	struct set s = { .n = number(f) };
	s.heads = calloc(s.n, sizeof *s.heads);
	for (uint32_t i = 0; i < s.n; i++) {
		size_t len = number(f);
		char *p = malloc(len);
		if (fread(p, 1, len, f) != len) { fprintf(stderr, "a set is cut off\n"); exit(1); }
		s.heads[i] = (struct head){ p, len };
	}
	fclose(f);
	return s;
}

#define WARM_UP 10000000 // ns, as in serve.go

static int64_t cpu_time(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// below is Draw of internal/heads.
static inline uint32_t below(uint32_t *draw, uint32_t n) {
	*draw = *draw * 1664525 + 1013904223;
	return (uint64_t)*draw * n >> 32;
}

static const char *pass(const struct parser *p, const struct set *s, uint32_t *draw) {
	for (uint32_t i = 0; i < s->n; i++) {
		const struct head *h = &s->heads[below(draw, s->n)];
		const char *err = p->parse(h->p, h->len);
		if (err) return err;
	}
	return NULL;
}

static int serve(const struct parser *parsers, int n, int argc, char **argv) {
	struct set *sets = calloc(argc, sizeof *sets);
	for (int i = 1; i < argc; i++) sets[i - 1] = load(argv[i]);
	for (int i = 0; i < n; i++) printf("%s%s", i ? "\t" : "", parsers[i].name);
	printf("\n");
	fflush(stdout);
	int p, s;
	long passes;
	uint32_t seed;
	while (scanf("%d %d %ld %" SCNu32, &p, &s, &passes, &seed) == 4) {
		const char *err = NULL;
		if (p < 0 || p >= n || s < 0 || s >= argc - 1) err = "no such parser or set";
		uint32_t draw = seed;
		for (int64_t start = cpu_time(); !err && cpu_time() - start < WARM_UP;) err = pass(&parsers[p], &sets[s], &draw);
		draw = seed;
		int64_t start = cpu_time();
		for (long i = 0; !err && i < passes; i++) err = pass(&parsers[p], &sets[s], &draw);
		int64_t ns = cpu_time() - start;
		if (err) printf("error %s\n", err); else printf("%lld\n", (long long)ns);
		fflush(stdout);
	}
	return 0;
}
