import KeyedState

extension KeyFingerprints {
    /// The fingerprints of some rows.
    func gathered(_ rows: [Int32]) -> KeyFingerprints {
        switch self {
        case .narrow(let keys): .narrow(rows.map { keys[Int($0)] })
        case .wide(let keys): .wide(rows.map { keys[Int($0)] })
        }
    }
}
