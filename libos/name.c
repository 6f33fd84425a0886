/*
 * name.c - names of errors and calls, from the lists of the ABI.
 */
#include <castor/self.h>

#define NAME_ROW(nr, name, text)	[nr] = "E_" #name,
#define TEXT_ROW(nr, name, text)	[nr] = text,
#define CALL_ROW(nr, how, name, params, names)	[nr] = #name,

static const char *const error_names[EXO_E_MAX] = { EXO_ERRORS(NAME_ROW) };
static const char *const error_texts[EXO_E_MAX] = { EXO_ERRORS(TEXT_ROW) };
static const char *const call_names[EXO_NR_MAX] = { EXO_SYSCALLS(CALL_ROW) };

static const char *
row_name(const char *const *rows, uint64_t n, uint64_t i)
{
	return i < n && rows[i] != 0 ? rows[i] : "?";
}

const char *
exo_error_name(long r)
{
	return r >= 0 ? "ok" : row_name(error_names, EXO_E_MAX, -(uint64_t)r);
}

const char *
exo_error_text(long r)
{
	return r >= 0 ? "ok" : row_name(error_texts, EXO_E_MAX, -(uint64_t)r);
}

const char *
exo_call_name(uint32_t nr)
{
	return row_name(call_names, EXO_NR_MAX, nr);
}
