/*
 * ubsan.c - undefined behaviour, caught as it happens (CHECK=1).
 *
 * gcc calls these with where it was and what the types were; the records are
 * gcc's own (libsanitizer's ubsan_handlers.h).  All of it is a kernel bug, so
 * each is a panic.
 */
#include <stdint.h>

#include "panic.h"

struct where {
	const char *file;
	uint32_t line, column;
};

struct type {
	uint16_t kind, info;
	char name[];
};

struct overflow {
	struct where where;
	const struct type *type;
};

struct shift {
	struct where where;
	const struct type *value, *amount;
};

struct bounds {
	struct where where;
	const struct type *array, *index;
};

struct mismatch {
	struct where where;
	const struct type *type;
	uint8_t log_align, kind;
};

struct place {
	struct where where;
};

#define AT(w)	(w).file, (w).line, (w).column

#define HANDLER(name, ...)						\
	void __ubsan_handle_##name(__VA_ARGS__);			\
	void __ubsan_handle_##name(__VA_ARGS__)

#define OVERFLOW(what, sign)						\
HANDLER(what##_overflow, const struct overflow *d, uint64_t a,		\
    uint64_t b)								\
{									\
	panic("ubsan: %lx " sign " %lx is no %s, %s:%u:%u", a, b,	\
	    d->type->name, AT(d->where));				\
}

OVERFLOW(add, "+")
OVERFLOW(sub, "-")
OVERFLOW(mul, "*")
OVERFLOW(divrem, "/")

HANDLER(negate_overflow, const struct overflow *d, uint64_t a)
{
	panic("ubsan: -%lx is no %s, %s:%u:%u", a, d->type->name,
	    AT(d->where));
}

HANDLER(shift_out_of_bounds, const struct shift *d, uint64_t a, uint64_t b)
{
	panic("ubsan: %s %lx shifted by %lx, %s:%u:%u", d->value->name, a, b,
	    AT(d->where));
}

HANDLER(out_of_bounds, const struct bounds *d, uint64_t index)
{
	panic("ubsan: index %lx of %s, %s:%u:%u", index, d->array->name,
	    AT(d->where));
}

HANDLER(type_mismatch_v1, const struct mismatch *d, uint64_t address)
{
	panic("ubsan: no %s can be at %lx, %s:%u:%u", d->type->name, address,
	    AT(d->where));
}

HANDLER(pointer_overflow, const struct place *d, uint64_t from, uint64_t to)
{
	panic("ubsan: a pointer from %lx to %lx, %s:%u:%u", from, to,
	    AT(d->where));
}

HANDLER(load_invalid_value, const struct overflow *d, uint64_t v)
{
	panic("ubsan: %lx is no %s, %s:%u:%u", v, d->type->name,
	    AT(d->where));
}

HANDLER(vla_bound_not_positive, const struct overflow *d, uint64_t n)
{
	panic("ubsan: an array of %lx, %s:%u:%u", n, AT(d->where));
}

HANDLER(builtin_unreachable, const struct place *d)
{
	panic("ubsan: not to be reached, %s:%u:%u", AT(d->where));
}

HANDLER(invalid_builtin, const struct place *d)
{
	panic("ubsan: a builtin of zero, %s:%u:%u", AT(d->where));
}

HANDLER(nonnull_arg, const struct place *d)
{
	panic("ubsan: an argument that must not be null, %s:%u:%u",
	    AT(d->where));
}
