"""The publication's names and the department's real imprint, so that nothing starts empty."""

from django.db import migrations

IMPRINT = {
    "internal_notice": (
        "以上資料由香港中華廠商聯合會秘書處編寫，內容僅供內部參考；如有任何查詢，請聯絡政策研究部。"
    ),
    "public_notice": (
        "以上資料由香港中華廠商聯合會秘書處編寫，內容僅供參考；如有任何查詢，請聯絡政策研究部。"
    ),
    "telephone": "2542 8611",
    "fax": "3421 1092",
    "email": "research@cma.org.hk",
    "is_default": True,
}
PUBLICATION = {
    "tagline": "廠商會政策研究部對國家與香港產業政策的短評",
    "about": (
        "<p>本刊由香港中華廠商聯合會政策研究部編寫，每期選取兩三項影響香港工商業的政策發展，"
        "先交代事情，再作短評。</p>"
        "<p>所有期數均存於本網站，可按日期、政策主題或任何字詞查閱；繁體、簡體及異體字一併搜尋。</p>"
    ),
    "privacy": (
        "<p>我們只為寄送本刊而保存你的電郵地址、稱呼和閱讀偏好，不會轉交他人。</p>"
        "<p>郵件不含追蹤像素，我們不記錄個別讀者開啟或點擊了甚麼。</p>"
        "<p>你可以隨時按郵件內的連結更改偏好或取消訂閱，即時生效，毋須登入。</p>"
    ),
}


def create_defaults(apps, schema_editor):
    apps.get_model("briefings", "Imprint").objects.get_or_create(
        name="政策研究部", defaults=IMPRINT
    )
    apps.get_model("briefings", "Publication").objects.get_or_create(pk=1, defaults=PUBLICATION)


class Migration(migrations.Migration):
    dependencies = [("briefings", "0002_search_index")]
    # Going back leaves the rows: the tables go with them in 0001, or editors have changed them.
    operations = [migrations.RunPython(create_defaults, migrations.RunPython.noop)]
