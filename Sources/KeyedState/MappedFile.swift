import Bytes
import Foundation
import ObjectStorage

/// A file in memory, for reading. The system reads its pages when they are used, and may take the memory back.
final class MappedFile: @unchecked Sendable {
    // Never changed, and valid until the object goes, also when the file is removed.
    let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws(WeirError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw WeirError.systemCall("open", path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw WeirError.systemCall("open", path, errno) }
        let count = Int(status.st_size)
        if count == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let memory = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
            throw WeirError.systemCall("map", path, errno)
        }
        bytes = UnsafeRawBufferPointer(start: memory, count: count)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
