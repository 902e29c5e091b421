"""What we know beyond the data of crawler-user-agents."""

from __future__ import annotations

import re

from app.layers.bots.categories import Category

PRECEDENCE: dict[Category, int] = {category: rank for rank, category in enumerate(Category)}

COPIERS = dict.fromkeys(
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
"""The data calls them HTTP libraries; these are made to copy sites."""

INTEGRATIONS = dict.fromkeys(
    (
        *(r"AppSiteAssociation", r"Asana\/", r"Bitbucket-Webhooks", r"Cloudflare-Stream-Hook"),
        *(r"Cloudflare-Stream-Webhook", r"easybill-ImportManager", r"Google-Apps-Script"),
        *(r"GoogleAssociationService$", r"GoogleAssociationService\/", r"GoPay", r"HubSpot"),
        *(r"IFTTT\/", r"Indy Library", r"Integromat\/", r"Jumio", r"Klaviyo\/", r"Make\/"),
        *(r"Metorik", r"Mollie HTTP client", r"Omnisend\/", r"Operator\/", r"PayPal\/"),
        *(r"Recurly Webhooks\/", r"Retool\/", r"SendGrid Event API", r"SFDC-Callout\/"),
        *(r"Shopify-Captain-Hook", r"Snipcart\/", r"Sora POS\/", r"SparkPost", r"SparkShipping"),
        *(r"Stripe\/", r"Svix-Webhooks\/", r"Trustly\/", r"Webflow", r"WordPress\/"),
        *(r"YokoyGroupAG\/", r"Zapier", r"Zendesk Webhook"),
    ),
    Category.HTTP_LIBRARY,
)
"""The data files them under SEO, for want of a tag. They call an API for somebody who gave them a
token, or send the webhooks that somebody asked for."""

RECLASSIFIED: dict[str, Category] = COPIERS | INTEGRATIONS

NO_BOTS = frozenset({r"Code\/1\.", r"Fluid", r"Grammarly\/", r"Trae\/", r"Sonic"})
"""Programs that people sit before, and half of the word Panasonic: they are not looked for."""

CRAWLING = re.compile("bot|crawl|spider|scrap", re.IGNORECASE)
SHORT = 7
"""A pattern with such a word in it, and as long as this, is unmistakable however it is written. The
data has one spelling of each: in small letters, two thirds of its crawlers passed."""

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
