import Bytes
import Foundation

extension WeirError {
    /// Maps the errno of a failed call to a message and advice.
    public static func systemCall(_ verb: String, _ path: String, _ number: Int32) -> WeirError {
        let reason = String(cString: strerror(number)).lowercased()
        switch number {
        case ENOENT: return WeirError(.notFound, "cannot \(verb): no such file or directory", at: path)
        case EEXIST: return WeirError(.alreadyExists, "cannot \(verb): it exists already", at: path)
        case ENOSPC, EDQUOT:
            return WeirError(
                .outOfSpace,
                "cannot \(verb): \(reason)",
                at: path,
                advice: "free space and start again; what was acknowledged is kept"
            )
        case EACCES, EPERM, EROFS:
            return WeirError(.storage, "cannot \(verb): \(reason)", at: path, advice: "check owner and permissions")
        case EMFILE, ENFILE:
            return WeirError(.storage, "cannot \(verb): \(reason)", at: path, advice: "raise the limit (ulimit -n)")
        case EFBIG:
            return WeirError(.outOfSpace, "cannot \(verb): \(reason)", at: path, advice: "raise the file size limit")
        default: return WeirError(.storage, "cannot \(verb): \(reason)", at: path)
        }
    }
}
