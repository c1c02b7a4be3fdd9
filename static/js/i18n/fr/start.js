// French: what the first screens may say, and every error.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Start>} */
export default {
  close: 'Fermer',
  cancel: 'Annuler',
  dismiss: 'Fermer',
  retry: 'Réessayer',
  toasts: 'Messages',
  loading: 'Chargement…',
  home: 'Retour à l’accueil',
  language: 'Langue',
  'language.unreviewed': 'Pas encore relu par une personne de langue maternelle.',
  'signin.title': 'Se connecter',
  'signin.lead.audited': 'Nous vous enverrons un code de connexion par e-mail. Il n’y a pas de compte.',
  'signin.lead':
    'Nous vous enverrons un code de connexion par e-mail. Il n’y a pas de compte, et le serveur oublie votre ' +
    'adresse à la fin de votre session.',
  'signin.lead.meeting':
    'Pour rejoindre cette réunion, confirmez votre adresse e-mail avec un code de connexion. Il n’y a pas de ' +
    'compte.',
  'signin.email': 'Adresse e-mail',
  'signin.email.invalid': 'Saisissez une adresse e-mail, comme ana@example.org.',
  'signin.send': 'Envoyer le code',
  'signin.checking': 'Vérification de votre navigateur… Cela prend quelques secondes.',
  'signin.code.title': 'Saisissez votre code de connexion',
  'signin.code.lead':
    'Nous avons envoyé un code à {n} chiffres à {email}. Cela peut prendre une minute. Regardez aussi dans vos ' +
    'courriers indésirables.',
  'signin.code.terminal':
    'Le code pour {email} se trouve dans le terminal où tourne le serveur. Il comporte {n} chiffres.',
  'signin.code.failing':
    'Nous ne pouvons pas envoyer d’e-mails pour le moment. Si cela se rétablit bientôt, votre code arrivera tout ' +
    'seul. Sinon, réessayez plus tard.',
  'signin.code': 'Code de connexion',
  'signin.code.invalid': 'Saisissez les {n} chiffres du code.',
  'signin.verify': 'Se connecter',
  'signin.resend': 'Envoyer un nouveau code',
  'signin.resend.in': 'Envoyer un nouveau code dans {s} s',
  'signin.resent': 'Nous avons envoyé un nouveau code. Les codes précédents ne sont plus valables.',
  'signin.other': 'Utiliser une autre adresse',
  'signin.expires': { one: 'Le code expire dans {n} minute.', other: 'Le code expire dans {n} minutes.' },
  'signin.again': 'Votre session est terminée. Reconnectez-vous pour continuer.',
  guest: 'Invité',
  'guest.title': 'Vous êtes ici en tant qu’invité',
  'guest.join': 'Rejoindre en tant qu’invité',
  'guest.off': 'Ce serveur n’accepte pas d’invités. Connectez-vous avec votre adresse e-mail.',
  'guest.signin': 'Se connecter avec votre adresse e-mail',
  'guest.signin.instead': 'Se connecter plutôt avec votre adresse e-mail',
  'guest.meeting.title': 'Cette réunion n’accepte pas d’invités',
  'guest.meeting.text':
    'L’hôte n’admet que les personnes qui se sont connectées. Connectez-vous plutôt avec votre adresse e-mail.',
  'home.signedin': 'Connecté avec {email}',
  'home.signout': 'Se déconnecter',
  'home.operator': 'Exploité par {operator}',
  'home.version': 'Conclave {version}',
  'home.check': 'Vérifier ma connexion',
  'options.lobby': 'Salle d’attente',
  'prejoin.title': 'Prêt à rejoindre ?',
  'prejoin.untitled': 'Réunion',
  'prejoin.name': 'Votre nom',
  'prejoin.name.remember': 'Retenir mon nom sur cet appareil',
  'prejoin.name.empty': 'Saisissez le nom que les autres verront.',
  'prejoin.name.long': 'Un nom peut comporter 64 caractères au plus.',
  'prejoin.name.characters': 'Le nom contient un caractère qui ne peut pas être affiché.',
  'prejoin.password': 'Mot de passe de la réunion',
  'prejoin.password.empty': 'Saisissez le mot de passe de la réunion.',
  'prejoin.join': 'Rejoindre',
  'prejoin.ask': 'Demander à rejoindre',
  'prejoin.joining': 'Connexion à la réunion…',
  'prejoin.preview': 'Votre caméra est désactivée',
  'prejoin.preview.ask':
    'Rien n’est capté avant que vous ne l’activiez. Les autres ne vous voient et ne vous entendent qu’une fois ' +
    'que vous avez rejoint la réunion.',
  'prejoin.preview.on': 'Les autres ne vous voient et ne vous entendent qu’une fois que vous avez rejoint la réunion.',
  'prejoin.back': 'Vous êtes de retour dans la réunion. Votre micro et votre caméra sont désactivés.',
  'prejoin.back.on': 'Réactiver',
  'prejoin.elsewhere': 'Vous êtes déjà dans cette réunion dans un autre onglet.',
  'prejoin.switch': 'Passer ici',
  'prejoin.enable': 'Activer la caméra et le micro',
  'prejoin.enable.mic': 'Activer le micro',
  'prejoin.enable.camera': 'Activer la caméra',
  'prejoin.off.miccamera': 'Votre micro et votre caméra sont désactivés : on ne vous verra ni ne vous entendra.',
  'prejoin.off.mic': 'Votre micro est désactivé : on ne vous entendra pas.',
  'prejoin.off.camera': 'Votre caméra est désactivée : on ne vous verra pas.',
  'prejoin.level': 'Niveau du micro',
  'prejoin.level.silent':
    'Votre micro ne donne aucun son. Dites quelque chose : la barre devrait bouger. Sinon, choisissez un autre ' +
    'micro.',
  'prejoin.speaker.test': 'Tester le haut-parleur',
  'prejoin.speaker.playing': 'Lecture d’un son…',
  'prejoin.people': { one: '{n} personne est dans la réunion.', other: '{n} personnes sont dans la réunion.' },
  'prejoin.people.none': 'Il n’y a encore personne.',
  'prejoin.locked': 'L’hôte a verrouillé cette réunion. Personne ne peut la rejoindre pour le moment.',
  'prejoin.ends': 'Se termine au plus tard à {time}.',
  'prejoin.lobby': 'L’hôte admet les participants. Il voit votre nom et votre adresse e-mail.',
  'prejoin.lobby.guest': 'L’hôte admet les participants. Il voit votre nom, et que vous êtes un invité non vérifié.',
  'prejoin.host': 'Vous avez créé cette réunion.',
  'security.on': 'Chiffrée de bout en bout',
  'security.on.text':
    'Le serveur ne peut ni voir ni entendre cette réunion, ni lire sa discussion ou les noms qu’elle contient.',
  'security.off': 'Non chiffrée de bout en bout',
  'security.noreview': 'Le chiffrement n’a pas fait l’objet d’une évaluation indépendante.',
  'security.limits':
    'Le serveur sait tout de même qui participe et quand, les adresses réseau, qui parle et à quel volume, et ' +
    'combien de données sont envoyées. Le chiffrement ne protège pas contre une page modifiée, un appareil ' +
    'compromis ou un participant qui enregistre.',
  'elsewhere.title': 'Vous êtes déjà dans cette réunion',
  'elsewhere.text':
    'Cet appareil est dans la réunion dans un autre onglet ou une autre fenêtre. Si vous passez ici, il la ' +
    'quitte là-bas.',
  'badlink.incomplete.title': 'Ce lien est incomplet',
  'badlink.incomplete.text': 'La partie après # est la clé. Demandez le lien complet.',
  'badlink.downgrade.title': 'Cette réunion ne correspond pas à son lien',
  'badlink.downgrade.text':
    'Le lien est celui d’une réunion chiffrée, mais le serveur dit qu’elle ne l’est pas. Par sécurité, vous ne ' +
    'l’avez pas rejointe.',
  'security.transport.text':
    'Votre son et votre vidéo sont chiffrés entre vous et le serveur, et entre le serveur et les autres. Le ' +
    'serveur lui-même y a accès pendant qu’il les transmet. Il ne les enregistre pas et ne les conserve pas, ' +
    'mais son exploitant pourrait écouter.',
  'security.none.stored': 'Rien n’est conservé',
  'security.none.stored.text': 'La réunion n’existe qu’en mémoire. Quand elle se termine, tout disparaît.',
  'confidential.title': 'Réunion confidentielle',
  'confidential.what':
    'Un hôte admet chaque participant. Les images portent votre nom et l’heure. Après 15 minutes d’absence, vous ' +
    'êtes déconnecté.',
  'confidential.recording':
    'Aucun navigateur ne peut détecter ni empêcher un enregistrement. N’importe qui ici pourrait filmer son ' +
    'écran ou enregistrer le son.',
  'audit.title': 'Ce serveur tient un journal d’audit',
  'audit.records':
    'Il consigne qui se connecte, rejoint, quitte, partage son écran ou gère une réunion, et quand. Seules les ' +
    'personnes choisies par l’exploitant peuvent le lire.',
  'audit.never': 'Il ne consigne jamais ce que vous dites, montrez, écrivez ou saisissez comme nom.',
  'device.mic': 'Micro',
  'device.camera': 'Caméra',
  'device.speaker': 'Haut-parleur',
  'device.default': 'Choix du système',
  'device.unnamed': '{kind} {n}',
  'device.denied.camera':
    'Votre navigateur bloque la caméra. Autorisez-la au début de la barre d’adresse, puis réessayez.',
  'device.denied.mic': 'Votre navigateur bloque le micro. Autorisez-le au début de la barre d’adresse, puis réessayez.',
  'device.denied.screen': 'Votre écran n’a pas été partagé : le navigateur ou le système ne l’autorise pas.',
  'device.denied.both':
    'Votre navigateur bloque le micro et la caméra. Autorisez-les au début de la barre d’adresse, puis réessayez.',
  'device.missing.both': 'Ni micro ni caméra trouvés. Vous pouvez tout de même rejoindre, regarder et écouter.',
  'device.missing.camera': 'Aucune caméra trouvée. Vous pouvez rejoindre sans caméra.',
  'device.missing.mic': 'Aucun micro trouvé. Vous pouvez tout de même rejoindre et écouter.',
  'device.busy.camera': 'Un autre programme utilise la caméra.',
  'device.busy.mic': 'Un autre programme utilise le micro.',
  'device.failed': 'L’appareil n’a pas pu être démarré.',
  'device.lost.mic': 'Votre micro s’est arrêté. Les autres ne vous entendent pas.',
  'device.lost.camera': 'Votre caméra s’est arrêtée. Les autres ne vous voient pas.',
  'device.use': 'Utiliser {name}',
  'device.insecure': 'La caméra et le micro ne fonctionnent que sur une page sécurisée (https).',
  'call.title': 'Réunion',
  'call.mic.on': 'Couper le micro',
  'call.mic.off': 'Activer le micro',
  'call.camera.on': 'Désactiver la caméra',
  'call.camera.off': 'Activer la caméra',
  'call.back.title': 'Quitter la réunion ?',
  'call.back.text': 'Vous pourrez la rejoindre à nouveau tant qu’elle dure.',
  'call.leave.only': 'Quitter la réunion',
  'error.title': 'Cela n’a pas fonctionné',
  'error.unknown': 'Une erreur s’est produite.',
  'error.network': 'Le serveur est injoignable. Vérifiez votre connexion.',
  'error.identity_present': 'Vous êtes déjà dans cette réunion dans un autre onglet ou une autre fenêtre.',
  'error.log_gone': 'La réunion a continué sans vous. Rejoignez-la de nouveau.',
  'error.not_taken': 'Quelqu’un a été plus rapide. Réessayez.',
  'error.bad_json': 'Cette page et le serveur ne se sont pas compris. Rechargez la page.',
  'error.unknown_type': 'Cette page et le serveur ne correspondent pas. Rechargez la page.',
  'error.invalid_request': 'Le serveur n’a pas accepté cette saisie.',
  'error.too_large': 'C’est trop long.',
  'error.version': 'Cette page n’est plus à jour. Rechargez-la.',
  'error.not_joined': 'Vous n’êtes pas encore dans la réunion.',
  'error.already_joined': 'Vous êtes déjà dans la réunion.',
  'error.no_such_meeting':
    'Il n’y a pas de réunion à cette adresse. Elle est peut-être terminée, ou le lien est erroné.',
  'error.wrong_password': 'Ce n’est pas le mot de passe de la réunion.',
  'error.meeting_full': 'La réunion est complète. Réessayez plus tard.',
  'error.server_full': 'Le serveur est complet. Réessayez plus tard.',
  'error.server_full.in': {
    one: 'Le serveur est complet. Réessayez dans {n} seconde.',
    other: 'Le serveur est complet. Réessayez dans {n} secondes.',
  },
  'error.meeting_locked': 'L’hôte a verrouillé cette réunion. Personne ne peut la rejoindre pour le moment.',
  'error.banned': 'L’accès à cette réunion vous est bloqué.',
  'error.resume_failed': 'Reconnexion…',
  'error.not_permitted': 'Votre rôle ne le permet pas.',
  'error.no_such_participant': 'Cette personne a quitté la réunion.',
  'error.bad_offer': 'Le son et la vidéo n’ont pas pu être mis en place dans ce navigateur.',
  'error.no_media': 'Le son et la vidéo ne sont pas encore en place.',
  'error.rate_limited': 'Trop de requêtes. Patientez un instant, puis réessayez.',
  'error.rate_limited.in': {
    one: 'Trop de tentatives. Réessayez dans {n} seconde.',
    other: 'Trop de tentatives. Réessayez dans {n} secondes.',
  },
  'error.unauthenticated': 'Connectez-vous d’abord.',
  'error.bad_origin': 'Cette page a été ouverte à une autre adresse que celle attendue par le serveur.',
  'error.not_found': 'Le serveur ne connaît pas cette adresse. Rechargez la page.',
  'error.method_not_allowed': 'Cette page et le serveur ne correspondent pas. Rechargez la page.',
  'error.unknown_host': 'Le serveur ne répond pas à cette adresse. Vérifiez le lien.',
  'error.https_only': 'Ce serveur ne peut être utilisé que par https.',
  'error.audit_unavailable':
    'Le serveur ne peut pas écrire son journal d’audit, il ne peut donc pas faire cela pour le moment.',
  'error.internal': 'Une erreur s’est produite sur le serveur. Réessayez.',
  'error.invalid_email': 'Saisissez une adresse e-mail, comme ana@example.org.',
  'error.invalid_code': 'Ce code n’est pas le bon. Utilisez le dernier code que nous vous avons envoyé.',
  'error.code_expired': 'Ce code a expiré. Demandez-en un nouveau.',
  'error.proof_needed': 'Beaucoup de personnes se connectent en ce moment. Réessayez dans un instant.',
  'error.not_allowed': 'Votre adresse ne permet pas de créer des réunions sur ce serveur.',
  'error.part':
    'Une partie de cette page n’a pas pu être chargée. Si le serveur vient d’être mis à jour, rechargez la page.',
  'error.e2ee_required': 'Cette page n’est plus à jour. Rechargez-la.',
  'error.timeout': 'Le serveur n’a pas répondu à temps.',
  'unsupported.title': 'Ce navigateur ne peut pas rejoindre de réunions',
  'unsupported.text':
    'Il ne prend pas en charge {what}. Utilisez une version actuelle de Firefox, Chrome, Edge ou Safari, et ' +
    'ouvrez la page par https.',
  'notfound.title': 'Page introuvable',
  'notfound.text': 'Ce serveur n’a pas de page à cette adresse.',
  'meeting.bad.title': 'Ce n’est pas une adresse de réunion',
  'meeting.bad.text':
    'Une adresse de réunion comporte quatre groupes de quatre lettres et chiffres, comme k7qm-2f9x-w3dj-8hrt.',
  'signin.restarted': 'Le serveur a redémarré. Reconnectez-vous, et vous reprendrez là où vous étiez.',
  'notopen.guest':
    'Pas encore ouverte, ou réservée aux personnes connectées. Si elle accepte les invités, vous continuerez ' +
    'dès que l’hôte commencera.',
  'error.challenge_expired': 'Cela a pris trop de temps. Réessayez.',
};
