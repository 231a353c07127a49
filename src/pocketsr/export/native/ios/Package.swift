// swift-tools-version:5.5
import PackageDescription

let package = Package(
    name: "pocketsr-@MODEL@",
    platforms: [.iOS(.v13), .macOS("13.0")],
    products: [.library(name: "@SWIFT@", targets: ["@SWIFT@"])],
    targets: [
        // Each C file asks for its processor's instructions by itself, so no flags are needed that Swift calls unsafe
        .target(name: "@MODULE@", path: "Sources/@MODULE@"),
        .target(name: "@SWIFT@", dependencies: ["@MODULE@"], path: "Sources/@SWIFT@"),
    ],
    cLanguageStandard: .c11
)
