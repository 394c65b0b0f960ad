import Bytes
import CArrowShim

// Columns are exported through the Arrow C Data Interface without a copy: the exported array holds references to the
// column's buffers until its consumer calls `release`.

extension Schema {
    /// This schema as an Arrow struct type. Field ids are exported as metadata `PARQUET:field_id`, uuids as the
    /// extension type `arrow.uuid`. The receiver must call `release`.
    public func exportedToArrow() -> ArrowSchema {
        let children = fields.map { field in
            var metadata: [(String, String)] = []
            if field.id >= 0 { metadata.append(("PARQUET:field_id", "\(field.id)")) }
            if field.type == .uuid {
                metadata.append(("ARROW:extension:name", "arrow.uuid"))
                metadata.append(("ARROW:extension:metadata", ""))
            }
            return ArrowSchema.make(
                format: ArrowFormat.text(of: field.type),
                name: field.name,
                metadata: metadata,
                flags: field.isRequired ? 0 : Int64(ARROW_FLAG_NULLABLE),
                children: []
            )
        }
        return ArrowSchema.make(format: "+s", name: "", metadata: [], flags: 0, children: children)
    }
}

extension ColumnBatch {
    /// This batch as an Arrow struct array that shares its memory. The receiver must call `release`.
    public func exportedToArrow() -> ArrowArray {
        ArrowArray.make(length: count, nullCount: 0, buffers: [nil], children: columns.map { $0.exportedToArrow() })
    }
}

extension ColumnVector {
    func exportedToArrow() -> ArrowArray {
        let buffers: [Buffer?] = layoutHasArena ? [validity, values, bytes] : [validity, values]
        return ArrowArray.make(length: count, nullCount: validity == nil ? 0 : -1, buffers: buffers, children: [])
    }

    private var layoutHasArena: Bool { type.layout == .variableWidth }
}

/// The memory that an exported array or schema keeps alive; freed by its `release`.
private final class ExportedMemory {
    let buffers: [Buffer?]
    var texts: [UnsafeMutableRawPointer] = []
    var bufferPointers: UnsafeMutablePointer<UnsafeRawPointer?>?

    init(buffers: [Buffer?]) { self.buffers = buffers }

    deinit {
        for text in texts { text.deallocate() }
        bufferPointers?.deallocate()
    }

    func copy(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
        bytes.withUnsafeBytes { if let base = $0.baseAddress { memory.copyMemory(from: base, byteCount: $0.count) } }
        texts.append(memory)
        return UnsafePointer(memory.assumingMemoryBound(to: CChar.self))
    }
}

extension ArrowArray {
    fileprivate static func make(length: Int, nullCount: Int64, buffers: [Buffer?], children: [ArrowArray])
        -> ArrowArray
    {
        let memory = ExportedMemory(buffers: buffers)
        let pointers = UnsafeMutablePointer<UnsafeRawPointer?>.allocate(capacity: buffers.count)
        for (index, buffer) in buffers.enumerated() { (pointers + index).initialize(to: buffer?.base) }
        memory.bufferPointers = pointers
        return ArrowArray(
            length: Int64(length),
            null_count: nullCount,
            offset: 0,
            n_buffers: Int64(buffers.count),
            n_children: Int64(children.count),
            buffers: pointers,
            children: allocateChildren(children),
            dictionary: nil,
            release: { array in
                guard let array else { return }
                releaseChildren(array.pointee.children, array.pointee.n_children) { child in
                    if let release = child.pointee.release { release(child) }
                }
                releaseMemory(array.pointee.private_data)
                array.pointee.release = nil
            },
            private_data: Unmanaged.passRetained(memory).toOpaque()
        )
    }
}

extension ArrowSchema {
    fileprivate static func make(
        format: String,
        name: String,
        metadata: [(String, String)],
        flags: Int64,
        children: [ArrowSchema]
    ) -> ArrowSchema {
        let memory = ExportedMemory(buffers: [])
        return ArrowSchema(
            format: memory.copy(Array(format.utf8) + [0]),
            name: memory.copy(Array(name.utf8) + [0]),
            metadata: metadata.isEmpty ? nil : memory.copy(encode(metadata)),
            flags: flags,
            n_children: Int64(children.count),
            children: allocateChildren(children),
            dictionary: nil,
            release: { schema in
                guard let schema else { return }
                releaseChildren(schema.pointee.children, schema.pointee.n_children) { child in
                    if let release = child.pointee.release { release(child) }
                }
                releaseMemory(schema.pointee.private_data)
                schema.pointee.release = nil
            },
            private_data: Unmanaged.passRetained(memory).toOpaque()
        )
    }

    /// Encodes metadata as the C Data Interface defines it: pairs of strings with native 32-bit lengths.
    private static func encode(_ metadata: [(String, String)]) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeLittleEndian(Int32(metadata.count))
        for (key, value) in metadata {
            for text in [key, value] {
                writer.writeLittleEndian(Int32(text.utf8.count))
                writer.writeString(text)
            }
        }
        return writer.bytes
    }
}

private func allocateChildren<T>(_ children: [T]) -> UnsafeMutablePointer<UnsafeMutablePointer<T>?>? {
    guard !children.isEmpty else { return nil }
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<T>?>.allocate(capacity: children.count)
    for (index, child) in children.enumerated() {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: child)
        (pointers + index).initialize(to: pointer)
    }
    return pointers
}

// A consumer may have moved a child out, which clears its `release`. The child's struct still has to be freed here.
private func releaseChildren<T>(
    _ children: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?,
    _ count: Int64,
    _ release: (UnsafeMutablePointer<T>) -> Void
) {
    guard let children else { return }
    for index in 0..<Int(count) {
        guard let child = children[index] else { continue }
        release(child)
        child.deallocate()
    }
    children.deallocate()
}

private func releaseMemory(_ memory: UnsafeMutableRawPointer?) {
    guard let memory else { return }
    Unmanaged<ExportedMemory>.fromOpaque(memory).release()
}
