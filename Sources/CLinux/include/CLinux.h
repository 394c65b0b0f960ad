/// Linux calls that Swift's Glibc module does not provide because they need _GNU_SOURCE or are variadic macros.
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

/// Starts watching a directory for files that are created, written, renamed or removed in it. Returns a descriptor that
/// the caller closes, or a negative errno value.
int weir_watch_directory(const char *path);

/// Waits for an event in the watched directory. Returns 1 when there was one, 0 on timeout.
int weir_wait_for_change(int descriptor, int timeout_milliseconds);

/// Creates an event with a descriptor that threads can signal and wait for. Returns the descriptor, or -1.
int weir_event_create(void);

/// Makes the event readable.
void weir_event_signal(int descriptor);

/// Makes the event unreadable again.
void weir_event_clear(int descriptor);

/// Waits until one of the descriptors is readable or the timeout ends. Negative descriptors are ignored.
void weir_wait_readable(const int *descriptors, size_t count, int timeout_milliseconds);

/// Extends the CRC-32C (Castagnoli) of earlier bytes by more bytes. The CRC of no bytes is 0.
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same without special processor instructions.
uint32_t weir_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

/// Prefetches memory into the cache. Any address is allowed.
static inline void weir_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
