import Bytes
import ObjectStorage

/// Schedules and performs the writes of a partition's `synced-end` file. Used by the flush thread, which computes the
/// times under its lock.
struct SyncedEndFile {
    private let directory: String
    private let files: any FileSystem
    /// The content of the file, when it was written, and whether it is synced.
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

    /// Whether the file already holds this end and is synced.
    func holds(_ end: SyncedEnd) -> Bool { stored == end && isSynced }

    /// When the lagging file must be written between two groups; nil when it does not lag.
    func whenLagging(behind end: SyncedEnd, _ settings: FileLogSettings) -> MonotonicTime? {
        stored == end ? nil : storedAt.adding(milliseconds: settings.syncedEndLagMilliseconds)
    }

    /// When an idle partition must write or sync the file; nil when neither is needed.
    func whenDue(_ end: SyncedEnd, _ settings: FileLogSettings) -> MonotonicTime? {
        whenLagging(behind: end, settings)
            ?? (isSynced ? nil : storedAt.adding(milliseconds: settings.syncedEndRestMilliseconds))
    }

    /// Writes the synced end, and syncs the file once the partition is idle. A failure is retried after the next
    /// append: the file is needed only when opening the log after a power failure.
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
