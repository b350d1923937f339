// The floors in C: memcpy of the bytes, and glibc's search for the end of the head.
#include "driver.h"

static char sink[64 << 10];

static const char *copy(const char *p, size_t len) {
	memcpy(sink, p, len);
	__asm__ volatile("" ::: "memory"); // the copy is wanted
	return NULL;
}

static const char *search(const char *p, size_t len) {
	return memmem(p, len, "\r\n\r\n", 4) == p + len - 4 ? NULL : "the end is elsewhere";
}

int main(int argc, char **argv) {
	static const struct parser ps[] = { { "floor: memcpy (C)", copy }, { "floor: search (C)", search } };
	return serve(ps, 2, argc, argv);
}
