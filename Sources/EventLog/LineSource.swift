import Bytes
import Foundation
import ObjectStorage

/// Lines of a file or of standard input, read in large blocks.
public struct LineSource: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    /// Lines returned so far.
    public private(set) var lineNumber = 0

    /// A longer line is an error: the input is probably not a text file.
    private static let lineBytesMax = 1 << 30

    /// Reads standard input when the path is nil or `-`.
    public init(_ path: String?) throws(WeirError) {
        if let path, path != "-" {
            self.path = path
            descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw WeirError.systemCall("open", path, errno) }
        } else {
            self.path = "standard input"
            descriptor = 0
        }
        memory = .allocate(byteCount: 1 << 20, alignment: 64)
    }

    deinit {
        memory.deallocate()
        if descriptor > 0 { close(descriptor) }
    }

    /// The file and the number of the last returned line.
    public var location: String { "\(path), line \(lineNumber)" }

    /// Whether `next` would block waiting for input.
    public func wouldBlock() -> Bool {
        if isAtEnd || memchr(memory.baseAddress! + start, Int32(UInt8(ascii: "\n")), end - start) != nil {
            return false
        }
        var watch = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&watch, 1, 0) == 0
    }

    /// The next line without its line ending, valid until the next call; nil after the last.
    public mutating func next() throws(WeirError) -> UnsafeRawBufferPointer? {
        var searched = 0
        while true {
            let base = UnsafeRawPointer(memory.baseAddress! + start)
            if let hit = memchr(base + searched, Int32(UInt8(ascii: "\n")), end - start - searched) {
                let count = UnsafeRawPointer(hit) - base
                start += count + 1
                return line(base, count)
            }
            searched = end - start
            if isAtEnd {
                guard searched > 0 else { return nil }
                start = end
                return line(base, searched)
            }
            try fill()
        }
    }

    private mutating func line(_ base: UnsafeRawPointer, _ count: Int) -> UnsafeRawBufferPointer {
        lineNumber += 1
        let all = UnsafeRawBufferPointer(start: base, count: count)
        return all.last == UInt8(ascii: "\r") ? UnsafeRawBufferPointer(rebasing: all.dropLast()) : all
    }

    private mutating func fill() throws(WeirError) {
        if start > 0 {
            memmove(memory.baseAddress!, memory.baseAddress! + start, end - start)
            end -= start
            start = 0
        }
        if end == memory.count {
            guard memory.count < Self.lineBytesMax else {
                throw WeirError(.invalid, "a line is longer than 1 GiB", at: "\(path), line \(lineNumber + 1)")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: memory.count * 2, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<end]))
            memory.deallocate()
            memory = larger
        }
        while true {
            let count = Foundation.read(descriptor, memory.baseAddress! + end, memory.count - end)
            if count < 0 {
                if errno == EINTR { continue }
                throw WeirError.systemCall("read", path, errno)
            }
            if count == 0 { isAtEnd = true }
            end += count
            return
        }
    }
}
