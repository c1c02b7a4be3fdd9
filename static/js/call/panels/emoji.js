// Emoji for a chat message: a short list of our own, as text. Screen readers name them in the person's language.
import { openMenu } from '../../ui/menu.js';
import { t } from '../../i18n/i18n.js';

const EMOJI =
  '😀 😄 😂 🙂 😉 😊 😍 🤔 🙄 😬 😴 😢 😮 😎 🤯 🥳 👍 👎 👌 👏 🙌 🙏 💪 👋 ❤️ 🎉 ✅ ❌ ❓ ❗ 💡 🔥 ⏰ 📎 📌 🔗 ☕ 🍕 🐛 🚀'.split(
    ' ',
  );

/**
 * emojiMenu offers them, and writes the chosen one where the caret is.
 * @param {HTMLElement} anchor @param {HTMLTextAreaElement} input
 */
export function emojiMenu(anchor, input) {
  openMenu(
    anchor,
    EMOJI.map((label) => ({ label, act: () => write(input, label), testid: 'emoji' })),
    t('chat.emoji'),
    'emoji-menu',
    { look: 'emoji-grid' },
  );
}

/** @param {HTMLTextAreaElement} input @param {string} text */
function write(input, text) {
  input.focus();
  if (input.value.length + text.length > input.maxLength) return;
  input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
  input.dispatchEvent(new Event('input'));
}
