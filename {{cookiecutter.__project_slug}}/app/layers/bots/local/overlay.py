"""What we know beyond the data of crawler-user-agents."""

from __future__ import annotations

from app.layers.bots.categories import Category

PRECEDENCE: dict[Category, int] = {category: rank for rank, category in enumerate(Category)}

RECLASSIFIED: dict[str, Category] = dict.fromkeys(
    (
        "Download Ninja",
        "GoParserBot",
        "HTTrack",
        "Scrapy",
        "SimpleCrawler",
        "[mM]echanize",
        "colly",
        "crawler4j",
        "larbin",
        "newspaper\\/",
        "phpcrawl",
        "rawweb-bot",
        "trafilatura",
    ),
    Category.SCRAPER,
)
"""Patterns of the data that it calls HTTP libraries; these are made to copy sites."""

OVERLAY: tuple[tuple[str, Category], ...] = (
    (r"projectdiscovery|nuclei", Category.SCANNER),
    (r"gobuster|feroxbuster|dirsearch|fuzz faster u fool|\bffuf|wfuzz", Category.SCANNER),
    (r"arachni|w3af|\bhydra\b|owasp|jaeles|commix", Category.SCANNER),
    (r"nikto|sqlmap|masscan|zgrab|\bnmap\b|wpscan|acunetix|nessus|openvas", Category.SCANNER),
    (r"gptbot|claudebot|ccbot|bytespider|perplexitybot|chatgpt-user", Category.AI_CRAWLER),
    (r"diffbot|omgili|meta-external(agent|fetcher)", Category.AI_CRAWLER),
    (r"scrapy|httrack|\bscraper\b|web ?(crawler|spider)", Category.SCRAPER),
    (r"puppeteer|playwright|selenium|webdriver|headless", Category.BROWSER_AUTOMATION),
    (r"phantomjs|slimerjs|cypress/|zombie\.js|nightmare", Category.BROWSER_AUTOMATION),
    (r"yandex\w*bot|yandeximages", Category.SEARCH_ENGINE),
    (r"googlebot|bingbot|baiduspider|duckduckbot", Category.SEARCH_ENGINE),
    (r"^kube-probe/|^elb-healthchecker/|^googlehc/|^prometheus/", Category.MONITORING),
    (r"^consul health check|^blackbox-exporter/", Category.MONITORING),
    (r"^undici|^node$|^deno/|^bun/|^java/\d|^java-http-client/", Category.HTTP_LIBRARY),
    (r"^postmanruntime/|^insomnia/|^bruno-runtime/", Category.HTTP_LIBRARY),
    (r"^dart/|^reactornetty/|^reqwest/|^ruby$|^faraday v", Category.HTTP_LIBRARY),
    (r"^guzzlehttp/|^restsharp/|^typhoeus|^winhttp|cfnetwork/", Category.HTTP_LIBRARY),
    (r"^k6/|^locust", Category.HTTP_LIBRARY),
)
"""What the data misses, or knows in one spelling only. These are matched in any case.

It takes "Puppeteer" and not the "puppeteer" that people type, for instance, and has no tag at all
for undici, Nuclei, Java or Postman.
"""
