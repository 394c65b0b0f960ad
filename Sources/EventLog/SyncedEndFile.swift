import Bytes
import ObjectStorage

/// The file that tells a partition's synced end: when it is to be written, and writing it. Used by the flush thread, which
/// asks for times under its lock.
struct SyncedEndFile {
    private let directory: String
    private let files: any FileSystem
    /// What the file says, since when, and whether that has reached the device.
    private var stored: SyncedEnd
    private var storedAt = MonotonicTime.now
    private var isSynced = false
    private var slot: Int

    init(_ stored: SyncedEnd, directory: String, slot: Int, files: any FileSystem) {
        self.stored = stored
        self.directory = directory
        self.slot = slot
        self.files = files
    }

    /// Whether it says so already, on the device too.
    func holds(_ end: SyncedEnd) -> Bool { stored == end && isSynced }

    /// When it has lagged behind for long enough to be written between two groups; nil when it does not lag.
    func whenLagging(behind end: SyncedEnd, _ settings: FileLogSettings) -> MonotonicTime? {
        stored == end ? nil : storedAt.adding(milliseconds: settings.syncedEndLagMilliseconds)
    }

    /// When a partition that rests has it to write or to sync; nil when that is done.
    func whenDue(_ end: SyncedEnd, _ settings: FileLogSettings) -> MonotonicTime? {
        whenLagging(behind: end, settings)
            ?? (isSynced ? nil : storedAt.adding(milliseconds: settings.syncedEndRestMilliseconds))
    }

    /// Writes up to where the log is synced, and syncs that once the partition has rested. What fails is tried again
    /// after the next append: opening the log needs the file only after a power failure.
    mutating func store(_ end: SyncedEnd, andSync mustSync: Bool = false) {
        let isResting = stored == end
        if !isResting {
            try? end.store(directory, slot: slot, files)
            slot = (slot + 1) % SyncedEnd.slotStarts.count
            stored = end
            isSynced = false
        }
        if isResting || mustSync {
            try? files.open(SyncedEnd.path(directory), .write).sync()
            isSynced = true
        }
        storedAt = .now
    }
}
