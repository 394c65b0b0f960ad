/// The version of this program.
public enum WeirVersion {
    public static let number = "0.1.0"
}
