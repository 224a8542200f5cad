def test_crawlers_are_shown_the_sitemap_and_kept_from_searching(client, settings):
    settings.SITE_URL = "https://news.example"

    rules = client.get("/robots.txt").content.decode()

    assert "Disallow: /search/\n" in rules
    assert "Disallow: /phrases/?\n" in rules
    assert "Disallow: /feeds/search/\n" in rules
    assert "Sitemap: https://news.example/sitemap.xml\n" in rules
