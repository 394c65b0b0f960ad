/// Linux calls that Swift's Glibc module hides because they need _GNU_SOURCE, or that are variadic macros.
#ifndef WEIR_CLINUX_H
#define WEIR_CLINUX_H

#include <stddef.h>
#include <stdint.h>

/// Reserves `length` bytes for the file without changing its size. Returns 0 or an errno value.
int weir_fallocate_keep_size(int descriptor, int64_t offset, int64_t length);

/// Takes an exclusive open-file-description lock on the whole file. Returns 0, or an errno value: EAGAIN when another
/// open file description holds it.
int weir_lock_exclusive(int descriptor);

/// Releases the lock taken by `weir_lock_exclusive`.
int weir_unlock(int descriptor);

/// Starts a read of the range into the page cache.
void weir_read_ahead(int descriptor, int64_t offset, size_t length);

#endif
