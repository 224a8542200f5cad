"""Entries written for these tests, with what makes old editions hard to take apart."""

from briefings.tests.importer.typesetting import Piece

HARBOUR = Piece(
    headline="細讀「海港計劃」：由貨櫃到數據",
    lead="港口管理局於3月12日公布未來五年的海港發展計劃，提出以智慧碼頭和綠色燃料加注為重點，"
    "並邀請業界就收費安排提交意見。",
    paragraphs=(
        (
            "港口的競爭早已不限於吞吐量。貨主看重的是船期是否準時、文件能否一次辦妥，以及遇上颱風"
            "時可以多快復常；這些都要靠數據流通，而非多建一個泊位便能解決。"
        ),
        (
            "計劃書把「單一窗口」列為首年工作，並以 Port Community System 為藍本，把船公司、倉庫及"
            "海關的紀錄連成一線。業界多年來的期望，總算有了時間表。"
        ),
        (
            "不過，投資回報仍是未知之數。按計劃書的估算，首兩年需要投入12.5億元，而節省的成本要到"
            "2028年才會浮現。對本地廠商而言，最實際的問題有三個："
        ),
        (
            "一是收費會否因此上升。貨櫃處理費近年屢次調整，中小型廠商議價能力有限，難以把成本轉嫁"
            "予海外買家。"
        ),
        (
            "二是資料由誰保管。訂單、客戶和貨值都屬商業秘密，平台必須說明誰可以看到甚麼，以及出了"
            "事由誰負責。"
        ),
        "三是舊系統怎樣過渡。",
    ),
)

POWER = Piece(
    headline="淺談「綠電證書」：買得到，用得着？",
    lead="兩家電力公司宣布下月起增發可再生能源證書，每度電的售價較去年下調一成。",
    paragraphs=(
        (
            "證書的用途在於證明。出口商要向海外客戶交代產品的碳足跡，一張由公證機構核實的證書，"
            "往往比一份厚厚的報告更有說服力(前提是對方認可這個機構)。"
        ),
        (
            "問題正在於此：歐洲買家所要求的，是與生產地同一電網、同一時段的綠電，而非在別處購入"
            "的額度。廠房設於內地的港商，手上的本地證書未必派上用場。"
        ),
        "要打通兩地的證書，須由政府出面。",
    ),
)

TALENT = Piece(
    headline="人才清單更新之後",
    lead="勞工及福利局把人才清單擴大至 60 項專業，新增的多與先進製造有關。",
    paragraphs=(
        (
            "清單的意義不在長短，而在於配套是否跟得上。海外工程師來港，首先要考慮的是子女學位和"
            "住屋，其次才是薪酬。"
        ),
        "業界建議設立一站式的安頓服務，由同一個單位跟進簽證、學校及租務，讓人才把心思放在工作上。",
    ),
)

THREE = (HARBOUR, POWER, TALENT)


def make_pieces(count: int) -> tuple[Piece, ...]:
    """As many entries as asked for, no two with the same headline."""
    return tuple(
        Piece(f"{THREE[n % 3].headline}（之{n}）", THREE[n % 3].lead, THREE[n % 3].paragraphs)
        for n in range(count)
    )
