import WeirCommands

@main
enum Main {
    static func main() { WeirMain.run() }
}
