"""User agents of browsers and clients as people have them, with the headers that each kind sends.

Sources are the formats that their makers document; versions are old ones and new ones.
"""

from __future__ import annotations

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT}"
PHONE = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT}"
GALAXY = f"Mozilla/5.0 (Linux; Android 15; SM-S931B) {WEBKIT}"
VIEW = f"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A.240905.003; wv) {WEBKIT} Version/4.0"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {APPLE}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {APPLE}"

FETCH = {
    "accept": "*/*",
    "accept-language": "de-DE,de;q=0.9,en;q=0.8",
    "accept-encoding": "gzip, deflate, br",
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-site",
}
OLDER = {name: value for name, value in FETCH.items() if not name.startswith("sec-")}
HEADERS: dict[str, dict[str, str]] = {
    "chromium": FETCH | {"sec-ch-ua": '"Chromium";v="142"', "x-tls-grease": "1"},
    # An app that gives its view a name of its own turns the client hints off.
    "view": FETCH | {"x-tls-grease": "1"},
    "firefox": FETCH | {"x-tls-grease": "0"},
    "safari": FETCH | {"x-tls-grease": "1"},
    "older": OLDER | {"x-tls-grease": "0"},
    "app": {"accept": "application/json", "accept-encoding": "gzip", "x-tls-grease": "0"},
}
"""By kind, what comes with the name; the last is what nginx says of the handshake."""

CHROMIUM = (
    f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36",
    f"{WINDOWS} Chrome/91.0.4472.124 Safari/537.36",
    f"{WINDOWS} Chrome/109.0.0.0 Safari/537.36",
    f"{MAC} {WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    f"{LINUX} Chrome/141.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36",
    f"{PHONE} Chrome/142.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {WEBKIT} Chrome/106.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 13; CUBOT X70) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    f"{PHONE} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0",
    f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
    f"{PHONE} Chrome/139.0.0.0 Mobile Safari/537.36 OPR/92.0.0.0",
    f"{WINDOWS} Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36",
    f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6.3797.63",
    f"{GALAXY} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    f"{LINUX} HuaweiBrowser/15.0.4 Chrome/114.0.0.0 Safari/537.36",
    f"{WINDOWS} Chrome/118.0.0.0 Safari/537.36 Whale/3.23.214.10",
    (
        "Mozilla/5.0 (Web0S; Linux/SmartTV) "
        f"{WEBKIT} Chrome/120.0.6099.270 Safari/537.36 WebAppManager"
    ),
    (
        f"Mozilla/5.0 (SMART-TV; Linux; Tizen 8.0) {WEBKIT} SamsungBrowser/6.5 Chrome/108.0.5359.1 "
        "TV Safari/537.36"
    ),
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {WEBKIT} Chrome/140.0.0.0 "
        "Safari/537.36 Edge/44.18363.8131"
    ),
    f"{WINDOWS} Slack/4.46.101 Chrome/138.0.7204.243 Electron/37.3.1 Safari/537.36",
    f"{MAC} {WEBKIT} Teams/25163.3611 Chrome/136.0.0.0 Electron/36.4.0 Safari/537.36",
    f"{WINDOWS} Obsidian/1.9.14 Chrome/132.0.6834.210 Electron/34.3.0 Safari/537.36",
    f"{WINDOWS} Postman/11.65.4 Chrome/128.0.6613.186 Electron/32.3.3 Safari/537.36",
    f"{LINUX} discord/0.0.112 Chrome/134.0.6998.205 Electron/35.3.0 Safari/537.36",
    f"{WINDOWS} Code/1.104.2 Chrome/138.0.7204.235 Electron/37.3.1 Safari/537.36",
    f"{MAC} {WEBKIT} Grammarly/1.128 Chrome/138.0.7204.251 Electron/37.4.0 Safari/537.36",
    f"{LINUX} QtWebEngine/6.8.2 Chrome/122.0.6261.171 Safari/537.36",
    f"{MAC} {WEBKIT} Bitwarden/2025.10.0 Chrome/138.0.0.0 Electron/37.7.0 Safari/537.36",
)
VIEWS = (
    f"{VIEW} Chrome/141.0.0.0 Mobile Safari/537.36",
    f"{VIEW} Chrome/141.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/530.0.0.48.74;]",
    f"{VIEW} Chrome/140.0.0.0 Mobile Safari/537.36 Instagram 402.0.0.49.66 Android",
    f"{VIEW} Chrome/139.0.0.0 Mobile Safari/537.36 musical_ly_2024104030 BytedanceWebview/d8a21c6",
    f"{VIEW} Chrome/139.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.61 WeChat/arm64 NetType/4G",
    f"{VIEW} Chrome/138.0.0.0 Mobile Safari/537.36 Line/15.16.0/IAB",
    f"{VIEW} Chrome/138.0.0.0 Mobile Safari/537.36 KAKAOTALK/25.8.2",
    f"{VIEW} Chrome/137.0.0.0 Mobile Safari/537.36 [Pinterest/Android]",
    f"{VIEW} Chrome/137.0.0.0 Mobile Safari/537.36 Snapchat/13.50.0.52",
    f"{VIEW} Chrome/136.0.0.0 Mobile Safari/537.36 [LinkedInApp]",
    f"{VIEW} Chrome/136.0.0.0 Mobile DuckDuckGo/5 Safari/537.36",
    f"{VIEW} Chrome/135.0.0.0 Mobile Safari/537.36 GSA/16.40.15.29.arm64",
    f"{VIEW} Chrome/126.0.0.0 Mobile Safari/537.36 TwitterAndroid",
)
FIREFOX = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0",
    "Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
    "Mozilla/5.0 (Android 14; Tablet; rv:128.0) Gecko/128.0 Firefox/128.0",
)
SAFARI = (
    f"{MAC} {APPLE} Version/18.6 Safari/605.1.15",
    f"{MAC} {APPLE} Version/16.5 Safari/605.1.15",
    f"{IPHONE} Version/18.6 Mobile/15E148 Safari/604.1",
    f"{IPAD} Version/17.7 Mobile/15E148 Safari/604.1",
    f"{IPHONE} CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1",
    f"{IPHONE} FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
    f"{IPAD} EdgiOS/141.0.3537.72 Version/17.0 Mobile/15E148 Safari/604.1",
    f"{IPHONE} GSA/390.0.811 Mobile/15E148 Safari/604.1",
    f"{IPHONE} Version/18.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
    f"{IPHONE} Mobile/22G86 [FBAN/FBIOS;FBAV/530.0.0.48;FBDV/iPhone15,4;FBSV/18.6;FBLC/de_DE]",
    f"{IPHONE} Mobile/22G86 Instagram 402.0.0.27.99 (iPhone15,4; iOS 18_6; de_DE; scale=3.00)",
    f"{IPHONE} Mobile/15E148 [Pinterest/iOS]",
    f"{IPHONE} Mobile/15E148 Twitter for iPhone/11.30",
    f"{IPHONE} Mobile/15E148",
)
OLDER_BROWSERS = (
    f"{MAC} {APPLE} Version/13.1.2 Safari/605.1.15",
    (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 12_5_7 like Mac OS X) {APPLE} Version/12.1.2 "
        "Mobile/15E148 Safari/604.1"
    ),
    f"Mozilla/5.0 (Windows NT 6.1) {WEBKIT} Chrome/79.0.3945.130 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
    (
        f"Mozilla/5.0 (Linux; Android 5.1.1; SM-J320F) {WEBKIT} Chrome/68.0.3440.91 Mobile "
        "Safari/537.36"
    ),
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (Windows NT 5.1; rv:52.0) Gecko/20100101 Firefox/52.0",
    "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Goanna/6.8 Firefox/128.0 PaleMoon/33.9",
    "Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.21",
    "Opera/9.80 (Android; Opera Mini/87.0.2254/191.303; U; en) Presto/2.12.423 Version/12.16",
    f"Mozilla/5.0 (PlayStation; PlayStation 5/9.00) {APPLE} Version/17.0 Safari/605.1.15",
    (
        "Mozilla/5.0 (Nintendo Switch; WebApplet) AppleWebKit/613.0 (KHTML, like Gecko) "
        "NF/6.0.3.27.1 NintendoBrowser/5.1.0.34090"
    ),
    f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) {WEBKIT} 85.0.4183.93/6.5 TV Safari/537.36",
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
        "Safari/605.1.15 Epiphany/605.1.15"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.10.0",
    "Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.0.15",
    "w3m/0.5.3+git20230121",
)
APPS = (
    "MyCompany-App/3.2 (iOS 18.6; iPhone15,4)",
    "MyCompany-App/3.2.1 (com.example.app; build:412; iOS 18.6.0) Alamofire/5.10.2",
    "MyCompany-App/412 CFNetwork/3826.600.41 Darwin/24.6.0",
    "MyCompany-App/3.2 (Android 15; SM-S931B) okhttp/4.12.0",
    "com.example.app/3.2 (Linux; U; Android 14; de_DE; Pixel 8; Build/AP2A) Cronet/141.0.7390.1",
    "okhttp/5.1.0",
    "Dalvik/2.1.0 (Linux; U; Android 13; SM-A536B Build/TP1A.220624.014)",
    "ktor-client",
    "Ktor client",
    "Dart/3.9 (dart:io)",
    "ExampleSync/7.1 (Windows NT 10.0; .NET 9.0)",
    "UnityPlayer/6000.0.41f1 (UnityWebRequest/1.0, libcurl/8.10.1-DEV)",
    "Example-Till/12 (POS; Linux armv7l)",
    "1Password/8.11.14 (macOS 15.6)",
    "Bitwarden_Mobile/2025.10.0 (Android 15; SDK 35; Model SM-S931B)",
    "Home Assistant/2025.10.4 aiohttp/3.13.1 Python/3.13",
    "python-requests/2.32.5",
    "Go-http-client/2.0",
    "axios/1.12.2",
    "curl/8.14.1",
    "PostmanRuntime/7.49.0",
    "Microsoft-PowerAutomate/1.0",
    "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "PayPal/AUHR-1.0-1",
    "Zapier",
    "Make/production",
    "IFTTT/1.0",
    "GitHub-Hookshot/044aadd",
    "Shopify-Captain-Hook",
    "Svix-Webhooks/1.62 (sender-9YMgn; +https://www.svix.com/http-sender/)",
    "SFDC-Callout/64.0",
    "WordPress/6.8.3; https://shop.example.com",
    "Mozilla/3.0 (compatible; Indy Library)",
    "Panasonic-Viera/5.0 (remote)",
    "my-operator/v1.2.0 (linux/amd64) kubernetes/1.34",
    "ESP32HTTPClient",
    "n8n",
)
HONEST: tuple[tuple[str, str], ...] = tuple(
    (kind, name)
    for kind, names in {
        "chromium": CHROMIUM,
        "view": VIEWS,
        "firefox": FIREFOX,
        "safari": SAFARI,
        "older": OLDER_BROWSERS,
        "app": APPS,
    }.items()
    for name in names
)
"""Each with its kind."""
