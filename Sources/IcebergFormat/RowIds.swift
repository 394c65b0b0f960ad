import Bytes

// The ids of rows in format version 3 (spec, "Row Lineage"). A commit takes a range of them from the table, its data
// manifests take theirs from the snapshot's, and files take theirs from the manifest's, each in order. So manifests stay
// valid when a commit is tried again with another range.

extension [ManifestEntry] {
    /// Gives each live data file without a first row id the next one of its manifest (spec, "First Row ID Inheritance").
    /// The files of a manifest that has none have no row ids.
    public mutating func assignRowIds(from firstRowId: Int64?) throws(WeirError) {
        guard var next = firstRowId else {
            for index in indices where self[index].file.firstRowId != nil { self[index].file.firstRowId = nil }
            return
        }
        for index in indices where self[index].isLive && self[index].file.firstRowId == nil {
            self[index].file.firstRowId = next
            next = try next.advancedRowId(by: self[index].file.recordCount)
        }
    }
}

extension [ManifestFile] {
    /// Gives each data manifest without a first row id the next one of the snapshot (spec, "First Row ID Assignment").
    ///
    /// - Returns: the first row id after them.
    public mutating func assignRowIds(from firstRowId: Int64) throws(WeirError) -> Int64 {
        var next = firstRowId
        for index in indices where self[index].content == .data && self[index].firstRowId == nil {
            self[index].firstRowId = next
            // Existing files may lack ids too, namely those from before the table was upgraded.
            next = try next.advancedRowId(by: self[index].addedRows ?? 0)
            next = try next.advancedRowId(by: self[index].existingRows ?? 0)
        }
        return next
    }
}

extension Int64 {
    fileprivate func advancedRowId(by rows: Int64) throws(WeirError) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(rows)
        guard self >= 0, rows >= 0, !overflow else {
            throw WeirError(.corrupt, "there are no \(rows) row ids from \(self) on")
        }
        return sum
    }
}
